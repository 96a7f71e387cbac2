"""All machines made anew under load: `sudo .venv/bin/python -m bench.upgrades [RATE]`.

Brings up the shop, lets customers come at RATE requests a second over both edges, and has `outlast upgrade --force`
replace every machine, the database's writer last, after a planned switch. Prints how many requests failed, by kind,
whether an acknowledged order is lost, and the longest time in which no order was taken, at the switch by itself too.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from itertools import pairwise

from bench.traffic import Traffic
from rich.console import Console
from tests.lab.site import LabSite, copy_of

SITE = "bench-upgrades"
QUIET, LIMIT = 10.0, 900.0
SWITCH = "hands the writes over"
# Seconds in which whatever a switch holds up is answered.
AFTER = 3.0


def main() -> int:
    """Run it, and tell."""
    rate = float(sys.argv[1]) if len(sys.argv) > 1 else 200.0
    site = copy_of("shop", SITE)
    try:
        site.run("up", "--yes", limit=600)
        return asyncio.run(_run(site, rate))
    finally:
        site.run("down", "--yes", expect=None)


async def _run(site: LabSite, rate: float) -> int:
    urls = tuple(url.rstrip("/") for url in json.loads(site.run("up", "--yes", "--json").stdout)["urls"])
    traffic = Traffic(urls, site.home / ".outlast/ca.pem", rate)
    async with traffic.coming():
        await asyncio.sleep(QUIET)
        began = time.monotonic()
        switched = await asyncio.to_thread(_upgrade, site)
        ended = time.monotonic()
        await asyncio.sleep(QUIET)
    lost = await traffic.missing()
    _tell(traffic, began, ended, switched, lost)
    return 1 if lost or any(asked.wrong for asked in traffic.asked if asked.kind != "order") else 0


def _upgrade(site: LabSite) -> list[float]:
    """When writes were handed over, in seconds of the monotonic clock. Raises `SystemExit` when the command fails."""
    process = site.start("upgrade", "--force", "--verbose")
    limit = threading.Timer(LIMIT, process.kill)
    limit.start()
    with process:
        assert process.stderr is not None
        switched = [time.monotonic() for line in process.stderr if SWITCH in line]
    limit.cancel()
    if process.returncode or not switched:
        sys.exit(f"the upgrade ended with {process.returncode} after {len(switched)} switches")
    return switched


def _tell(traffic: Traffic, began: float, ended: float, switched: list[float], lost: list[str]) -> None:
    console = Console(highlight=False, width=120)
    console.print(f"every machine made anew in {ended - began:.0f} s; {len(traffic.asked):,} requests")
    wrong = Counter(f"{asked.kind}: {asked.wrong}" for asked in traffic.asked if asked.wrong)
    console.print(
        f"{sum(wrong.values())} failed {dict(wrong) or ''}; {traffic.again} asked again over another connection"
    )
    console.print(f"{len(traffic.orders):,} orders acknowledged, {len(lost)} lost")
    windows = [("before", 0.0, began), ("meanwhile", began, ended)]
    windows += [("while the writes moved", moment, moment + AFTER) for moment in switched]
    for what, begin, end in windows:
        gap, wait = _gap(traffic, begin, end), _wait(traffic, begin, end)
        console.print(f"longest time without an order, {what}: {gap:.3f} s; longest wait for one: {wait:.3f} s")


def _gap(traffic: Traffic, begin: float, end: float) -> float:
    """The longest time between two answers to orders that were due then."""
    taken = [a.due + a.seconds for a in traffic.asked if a.kind == "order" and not a.wrong and begin <= a.due < end]
    return max((after - before for before, after in pairwise(sorted(taken))), default=0.0)


def _wait(traffic: Traffic, begin: float, end: float) -> float:
    """The longest time that an order took which was due then."""
    return max((a.seconds for a in traffic.asked if a.kind == "order" and begin <= a.due < end), default=0.0)


if __name__ == "__main__":
    sys.exit(main())
