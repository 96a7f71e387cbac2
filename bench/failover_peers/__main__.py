"""Failover side by side: `sudo .venv/bin/python -m bench.failover_peers 5 [host] [kill]`.

Brings up, at the same time and in labs of their own: the shop as it is, PostgreSQL with Patroni at its fastest settings
(`patroni_files.py`), and the shop with Galera's default timers. Then, in turn, one customer after another commits rows
as fast as it can through its proxy while the machine that serves it loses its power (`host`: packets vanish first), or
the server's process there gets SIGKILL (`kill`); without a word, both. Every acknowledged row is looked up afterwards.
Rounds are bounded by the number given (default 5), every wait by a limit; everything is removed at the end, on Ctrl-C
and SIGTERM too. Judges nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.failover_peers.peer import Patroni
from bench.failover_peers.product import Product
from bench.failover_peers.system import System
from bench.failover_peers.trial import FAULTS, Trial, prepare, trial
from rich.console import Console
from rich.table import Table

from outlast.kernel.errors import OutlastError

MOST_TRIALS = 20
IDLE_SECONDS = 5.0
PERCENTILE = 95


def main() -> None:
    """Run the rounds that the command line asks for; print each trial, then the table."""
    words = sys.argv[1:]
    count = min(MOST_TRIALS, next((int(word) for word in words if word.isdecimal()), 5))
    faults = [fault for fault in FAULTS if fault in words] or list(FAULTS)
    try:
        asyncio.run(_run(count, faults, Console(highlight=False, width=150)))
    except asyncio.CancelledError:
        sys.exit("ended early: the table holds what was measured until then, and everything is removed")


async def _run(count: int, faults: Sequence[str], console: Console) -> None:
    own = asyncio.current_task()
    assert own is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, own.cancel)
    systems: tuple[System, ...] = (
        Product("Outlast", "bench-peers-outlast", default_timers=False),
        Patroni(),
        Product("Galera, default timers", "bench-peers-default", default_timers=True),
    )
    trials: list[Trial] = []
    try:
        async with asyncio.TaskGroup() as group:
            for system in systems:
                group.create_task(_bring_up(system, console))
        console.print(f"idle processors with all of them up: {await _idle():.0%} of {os.cpu_count()}")
        for number in range(count):
            for fault in faults:
                for system in systems:
                    await _try(system, fault, number, trials, console)
    finally:
        console.print(_table(trials, [system.name for system in systems]))
        # All of them, whatever goes wrong with one.
        gone = await asyncio.gather(*(system.down() for system in systems), return_exceptions=True)
        for trouble in filter(None, gone):
            raise trouble


async def _bring_up(system: System, console: Console) -> None:
    began = time.monotonic()
    await system.up()
    took = time.monotonic() - began
    await prepare(system)
    machine = await system.provider.connect(system.client)
    try:
        versions = await machine.run(["dpkg-query", "--show", *system.packages])
    finally:
        await machine.close()
    shown = ", ".join(" ".join(line.split("\t")) for line in versions.stdout.decode().splitlines())
    console.print(f"{system.name}: up after {took:.0f} s; {shown}")
    console.print(f"    {await system.settings()}")


async def _try(system: System, fault: str, number: int, trials: list[Trial], console: Console) -> None:
    """One trial; one that cannot be carried out is said and does not end the others."""
    try:
        # Any number that no other trial of this table has.
        made = await trial(system, fault, number * len(FAULTS) + FAULTS.index(fault))
    except (OutlastError, TimeoutError, AssertionError, LookupError) as error:
        console.print(f"{fault}, {system.name}: no result: {error}")
        return
    trials.append(made)
    console.print(
        f"{fault}, {system.name}: outage {made.outage:.2f} s, at the return {made.back:.2f} s, {made.errors} errors, "
        f"{made.acknowledged} acknowledged, {made.lost} lost"
    )


async def _idle() -> float:
    """Which share of the processors' time nobody uses."""
    before = _processor_times()
    await asyncio.sleep(IDLE_SECONDS)
    spent = [later - earlier for earlier, later in zip(before, _processor_times(), strict=True)]
    # The fourth and fifth number are idle and waiting for the disk (proc_stat(5)).
    return (spent[3] + spent[4]) / sum(spent)


def _processor_times() -> list[int]:
    first = Path("/proc/stat").read_text().splitlines()[0]
    # The last two are contained in the first two.
    return [int(word) for word in first.split()[1:9]]


def _table(trials: Sequence[Trial], names: Sequence[str]) -> Table:
    columns = ("least", "median", "95 %", "most", "times Outlast's", "at return", "errors", "acknowledged", "lost")
    shown = Table("fault", "database", "trials", *columns)
    for fault in FAULTS:
        by_name = {name: [t for t in trials if (t.fault, t.system) == (fault, name)] for name in names}
        reference = [t.outage for t in by_name[names[0]]]
        for name, made in by_name.items():
            if not made:
                continue
            gaps = [t.outage for t in made]
            median, back = statistics.median(gaps), [t.back for t in made]
            shown.add_row(
                fault,
                name,
                str(len(made)),
                *(f"{seconds:.2f}" for seconds in (min(gaps), median, _percentile(gaps), max(gaps))),
                f"{median / statistics.median(reference):.1f}" if reference else "",
                f"{statistics.median(back):.2f}, at most {max(back):.2f}",
                *(
                    f"{sum(numbers):,}"
                    for numbers in zip(*((t.errors, t.acknowledged, t.lost) for t in made), strict=True)
                ),
            )
    return shown


def _percentile(numbers: Sequence[float]) -> float:
    """By the nearest rank: with fewer than twenty it is the largest."""
    rank = -(-len(numbers) * PERCENTILE // 100)
    return sorted(numbers)[rank - 1]


if __name__ == "__main__":
    main()
