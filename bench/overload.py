"""Whether load alone makes anybody fail over: `sudo .venv/bin/python -m bench.overload 20 [SITE]`, in minutes.

Needs the example shop (`sudo make run`), or the site file that is named. For so many minutes eight busy processes run
on the machine of the member that is written to (in a lab they are in the way of all), eight customers on each app
machine write without a pause beside the usual ones, one member after another copies all data anew, and the one that is
written to is dumped again and again as by a backup.
Nobody breaks anything. Then it prints who was written to, the longest time without an answer, whether an address moved
and how long the computer lets wait whoever comes before all others. Exit code 1 when the writes or an address moved.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from outlast.cli.target import applied
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import OutlastError, Unreachable
from outlast.proof.checkers import availability, lost
from outlast.proof.computer import go_first
from outlast.proof.faults.chaos import Chaos
from outlast.proof.faults.fault import Fault
from outlast.proof.history import history
from outlast.proof.look import Watch
from outlast.proof.workloads.database import CUSTOMERS, DatabaseLoad
from outlast.proof.workloads.http import HttpLoad
from outlast.status import Status, urls

LONGEST = 60.0
COPY = "galera-full-copy"
DUMP = ["sh", "-c", "mariadb-dump --all-databases --single-transaction > /dev/null"]
FULL_RATE = (("append", 8, 0.0),)
# On each processor one that is woken each 20 ms, before everybody but the floating addresses: when it waits for long,
# so did those of them that are there. Who waits in the kernel is not moved to another processor.
WITNESS = """
import json, os, signal, sys, threading, time
late, limit = [], time.time() + float(sys.argv[1])
signal.signal(signal.SIGTERM, lambda *_: (print(json.dumps(late), flush=True), os._exit(0)))
def stolen(processor):
    with open("/proc/stat") as ticks:
        return next(int(line.split()[8]) for line in ticks if line.startswith(f"cpu{processor} "))
def watch(processor):
    os.sched_setaffinity(0, {processor})
    os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(49))
    before, ticks = time.time(), stolen(processor)
    while before < limit:
        time.sleep(0.02)
        now, since = time.time(), stolen(processor)
        if now - before > 0.12:
            late.append((before, now - before - 0.02, processor, (since - ticks) / os.sysconf("SC_CLK_TCK")))
        before, ticks = now, since
for processor in os.sched_getaffinity(0):
    threading.Thread(target=watch, args=(processor,), daemon=True).start()
while True:
    signal.pause()
"""
PAUSE = 20.0
HEALTHY_LIMIT = 300.0


async def main() -> int:
    """Overload the site for as long as the command line asks for (default 20 minutes)."""
    go_first()
    minutes = min(LONGEST, float(sys.argv[1]) if len(sys.argv) > 1 else 20.0)
    workspace = open_workspace(Path(sys.argv[2] if len(sys.argv) > 2 else "examples/shop/site.yaml"))
    blueprint = applied(workspace)
    watch = Watch(blueprint, workspace.registry, workspace.provider, workspace.vault)
    async with Chaos(blueprint, workspace.provider, workspace.registry, workspace.file, workspace.environment) as chaos:
        assert await watch.healthy(HEALTHY_LIMIT, home=True) is not None, "the site is not whole"
        before = await watch.status()
        return await _overload(workspace, watch, chaos, before, minutes * 60)


async def _overload(workspace: Workspace, watch: Watch, chaos: Chaos, before: Status, seconds: float) -> int:
    blueprint = watch.blueprint
    rows = DatabaseLoad(blueprint, workspace.provider, uuid4().hex[:8], customers=(*CUSTOMERS, *FULL_RATE))
    web = HttpLoad(urls(blueprint), workspace.vault.authority_path, workspace.site.customers)
    primary = next(service.primary for service in before.services if service.name == "database")
    machines = tuple(member.machine for member in before.members if member.name == primary)
    await rows.prepare()
    began = time.time()
    async with _witnessed(seconds + 60) as late, rows.working(None, seconds + 60), web.working():
        injected = await chaos.inject(Fault("processor", machines, seconds=seconds + 60))
        try:
            copies, dumps = await asyncio.gather(
                _copy_again(chaos, watch, before, began + seconds), _dump_again(watch, before, began + seconds)
            )
        finally:
            await chaos.heal(injected)
        ended = time.time()
        assert await watch.healthy(HEALTHY_LIMIT) is not None, "the site is not whole afterwards"
    await asyncio.gather(rows.final(), web.fetch())
    after = await watch.status()
    moved = await _moves(watch, before, began)
    away = [f.address for f in after.floating if f.holder != f.home]
    await watch.kept.close()
    held = history([*rows.operations, *web.operations])
    writers = Counter(o.server for o in held.of(*availability.WRITES) if o.acknowledged and o.server)
    console = Console(highlight=False, soft_wrap=True)
    gap = availability.outage(held, began + 10, began + 10, ended)
    console.print(f"{seconds / 60:g} minutes: {sum(writers.values())} acknowledged writes, by member: {dict(writers)}")
    console.print(f"{copies} full copies, {dumps} dumps; addresses moved {moved} times; not at home: {away or 'none'}")
    console.print(f"longest time without an answer: {gap.seconds if gap else float('nan'):.2f} s ({gap})")
    waits = sorted(late, key=lambda wait: -wait[1])
    console.print(f"waits of more than 0.1 s for a processor, at real-time priority: {len(waits)}")
    for at, waited, processor, stolen in waits[:9]:
        console.print(
            f"  at {at:.2f}: {waited:.2f} s for processor {processor}, of which {stolen:.2f} s taken from this computer"
        )
    console.print(f"errors: {availability.errors(held)} of {len(held.operations)}; {lost.check(held).because}")
    return 0 if len(writers) == 1 and not moved and not away else 1


@asynccontextmanager
async def _witnessed(seconds: float) -> AsyncIterator[list[tuple[float, float, int, float]]]:
    """Within: somebody of real-time priority wakes again and again on each processor; after: when they woke late, by
    how many seconds, where, and for how many of them the processor was taken from this computer."""
    late: list[tuple[float, float, int, float]] = []
    argv = (sys.executable, "-c", WITNESS, str(seconds))
    process = await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)
    try:
        yield late
    finally:
        process.terminate()
        late += json.loads((await process.communicate())[0] or "[]")


async def _moves(watch: Watch, status: Status, began: float) -> int:
    """How often a machine took an address since then, by what keepalived says."""
    argv = ["journalctl", "--unit", "outlast-keepalived", "--since", f"@{began:.0f}", "--output", "cat", "--no-pager"]
    taken = 0
    for machine in dict.fromkeys(floating.home for floating in status.floating):
        connection = await watch.kept.connect(machine)
        taken += (await connection.run(argv, limit=60.0)).stdout.count(b"Entering MASTER STATE")
    return taken


async def _copy_again(chaos: Chaos, watch: Watch, status: Status, until: float) -> int:
    """One member after another that is not written to loses its data and copies all of it."""
    primary = next(service.primary for service in status.services if service.name == "database")
    others = cycle(member for member in status.members if member.service == "database" and member.name != primary)
    done = 0
    while time.time() + PAUSE < until:
        member = next(others)
        with suppress(OutlastError):
            injected = await chaos.inject(Fault(COPY, (member.name,), seconds=HEALTHY_LIMIT))
            await chaos.heal(injected)
            done += 1
        # Not the whole site, of which a part is always slow now.
        await watch.again((member.machine,), max(1.0, until - time.time()))
        await asyncio.sleep(max(0.0, min(PAUSE, until - time.time())))
    return done


async def _dump_again(watch: Watch, status: Status, until: float) -> int:
    """The member that is written to is read from the first row to the last, again and again."""
    primary = next(service.primary for service in status.services if service.name == "database")
    machine = next(member.machine for member in status.members if member.name == primary)
    done = 0
    while time.time() < until:
        with suppress(Unreachable):
            connection = await watch.kept.connect(machine)
            done += (await connection.run(DUMP, limit=300.0)).returncode == 0
        await asyncio.sleep(1.0)
    return done


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
