"""How an app follows its load: `sudo .venv/bin/python -m bench.scaling step|day [FOLDER]`.

Brings up a site whose app serves eight requests at a time, 200 ms each, on machines of its own. `step`: ten seconds at
a tenth of one machine's capacity, two minutes at three times of it, then a tenth again until the site is as small as it
was. `day`: a day's wave of load in ten minutes. Every request is due at its time, whatever became of those before.
Prints what the customers saw and what the fleet cost, and writes a picture and the figures to FOLDER.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import quantiles

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from bench.plot import Line, picture
from rich.console import Console
from tests.lab.site import HOMES, LabSite, until

from outlast.machines.provider import Power
from outlast.proof.workloads.http import once

CAPACITY = 40.0
"""Requests in a second that one machine serves."""
LOW, HIGH = 0.1, 3.0
QUIET, BUSY, AFTER = 10.0, 120.0, 180.0
DAY = 600.0
SAMPLE = 0.5
PATIENCE = 30.0
MOST = 60_000


@dataclass
class Seen:
    """What happened: requests as (due, seconds or None when it failed, machine), and samples of the fleet as (time,
    machines on, machines that answered since the sample before). Seconds since the begin."""

    requests: list[tuple[float, float | None, str]] = field(default_factory=list[tuple[float, float | None, str]])
    fleet: list[tuple[float, int, int]] = field(default_factory=list[tuple[float, int, int]])


def main() -> int:
    """Run one of the two, and tell."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "step"
    folder = Path(sys.argv[2]) if len(sys.argv) > 2 else Path()
    rate, length = {"step": (step, QUIET + BUSY + AFTER), "day": (day, DAY)}[kind]
    site = _site()
    try:
        site.run("up", "--yes", limit=600)
        until("somebody leads", lambda: _led(site), 60)
        seen = asyncio.run(_watched(site, rate, length))
        events = json.loads(site.run("events", "--json", "--last", "500").stdout)["events"]
    finally:
        site.run("down", "--yes", expect=None)
    _tell(kind, seen, rate, length, folder, events)
    return 0


def step(at: float) -> float:
    """Requests in a second: a step up and a step down."""
    return CAPACITY * (HIGH if QUIET <= at < QUIET + BUSY else LOW)


def day(at: float) -> float:
    """Requests in a second: little at night, much in the evening."""
    return CAPACITY * (LOW + (HIGH - LOW) * (1 - math.cos(2 * math.pi * at / DAY)) / 2)


def _site() -> LabSite:
    home = HOMES / "bench-scaling"
    site = LabSite(home)
    if (home / "site.yaml").exists():
        site.run("down", "--yes", expect=None)
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(Path(__file__).parent / "scaling_site", home)
    return site


def _led(site: LabSite) -> bool:
    return any(m["component"] == "controller" and m["role"] == "leader" for m in site.status()["members"])


async def _watched(site: LabSite, rate: Callable[[float], float], length: float) -> Seen:
    """Customers at work, and the fleet looked at meanwhile."""
    urls = json.loads(site.run("up", "--yes", "--json").stdout)["urls"]
    context = ssl.create_default_context(cafile=str(site.home / ".outlast/ca.pem"))
    seen, provider, began = Seen(), site.provider(), time.monotonic()
    # The customers share the computer with the site.
    connector, patience = TCPConnector(ssl=context, limit=0), ClientTimeout(total=PATIENCE)
    jar = DummyCookieJar()
    async with ClientSession(connector=connector, timeout=patience, cookie_jar=jar, middlewares=(once,)) as client:

        async def ask(due: float, url: str) -> None:
            try:
                async with client.get(url) as answer:
                    text = await answer.text()
                    took = time.monotonic() - began - due
                    seen.requests.append((due, took if answer.ok else None, text))
            except (ClientError, TimeoutError) as error:
                seen.requests.append((due, None, type(error).__name__))

        async def look() -> None:
            told = 0
            while True:
                await asyncio.sleep(SAMPLE)
                on = [f for f in await provider.list() if "-app-" in f.name and f.power is Power.ON]
                serving = {machine for _, took, machine in seen.requests[told:] if took is not None}
                told = len(seen.requests)
                seen.fleet.append((time.monotonic() - began, len(on), len(serving)))

        looking = asyncio.create_task(look())
        asked: set[asyncio.Task[None]] = set()
        due, count = 0.0, 0
        while due < length and count < MOST:
            await asyncio.sleep(max(0.0, due - (time.monotonic() - began)))
            task = asyncio.create_task(ask(due, urls[count % len(urls)]))
            asked.add(task)
            task.add_done_callback(asked.discard)
            due, count = due + 1 / rate(due), count + 1
        await asyncio.gather(*asked)
        looking.cancel()
    return seen


def _tell(
    kind: str, seen: Seen, rate: Callable[[float], float], length: float, folder: Path, events: list[object]
) -> None:
    console = Console(highlight=False, width=150)
    failed = [machine for _, took, machine in seen.requests if took is None]
    console.print(f"{len(seen.requests):,} requests, {len(failed)} failed {sorted(set(failed)) if failed else ''}")
    if kind == "step":
        known = {machine for due, _, machine in seen.requests if due < QUIET}
        arrived = sorted(
            {
                machine: min(due + took for due, took, m in seen.requests if m == machine and took is not None)
                for _, took, machine in seen.requests
                if took is not None and machine not in known
            }.items(),
            key=lambda each: each[1],
        )
        for machine, at in arrived:
            console.print(f"  {machine} answered {at - QUIET:.1f} s after the step")
    for begin, end in _windows(kind, length):
        took = [t for due, t, _ in seen.requests if begin <= due < end and t is not None]
        if len(took) > 1:
            cuts = quantiles(took, n=100)
            shares = f"median {cuts[49]:.2f} s, 95 % {cuts[94]:.2f} s, most {max(took):.2f} s"
            console.print(f"  {begin:5.0f} to {end:5.0f} s: {shares}")
    on = [machines for _, machines, _ in seen.fleet]
    spent = sum(on) * length / len(on) / 3600
    fixed = max(on) * length / 3600
    turns = _turns(on)
    console.print(f"  machine-hours {spent:.3f}, a fixed fleet of {max(on)} {fixed:.3f} ({1 - spent / fixed:.0%} less)")
    console.print(f"  machines: {on[0]} at first, {max(on)} at most, {on[-1]} at last; {turns} changes of direction")
    folder.mkdir(parents=True, exist_ok=True)
    seconds = [SAMPLE * number for number in range(int(length / SAMPLE))]
    lines = (
        Line("requests/s that come", [(at, rate(at)) for at in seconds]),
        Line("requests/s that the machines serve", [(at, serving * CAPACITY) for at, _, serving in seen.fleet]),
        Line("latency, 95 %", _latencies(seen, length), own_axis=True),
    )
    (folder / f"scaling-{kind}.svg").write_text(picture(lines, length), encoding="utf-8")
    document = {"kind": kind, "failed": len(failed), **asdict(seen), "events": events}
    (folder / f"scaling-{kind}.json").write_text(json.dumps(document), encoding="utf-8")


def _windows(kind: str, length: float) -> list[tuple[float, float]]:
    if kind == "step":
        return [(0, QUIET), (QUIET, QUIET + 10), (QUIET + 10, QUIET + BUSY), (QUIET + BUSY, length)]
    return [(begin, begin + length / 6) for begin in (length / 6 * number for number in range(6))]


def _latencies(seen: Seen, length: float) -> list[tuple[float, float]]:
    found: list[tuple[float, float]] = []
    for second in range(int(length)):
        took = sorted(t for due, t, _ in seen.requests if second <= due < second + 1 and t is not None)
        if took:
            found.append((second + 0.5, took[int(0.95 * (len(took) - 1))]))
    return found


def _turns(counts: list[int]) -> int:
    """How often a fleet that had grown shrank, or the other way round: one is a hill, more are a swing."""
    steps = [after - before for before, after in pairwise(counts) if after != before]
    return sum(1 for one, other in pairwise(steps) if one * other < 0)


if __name__ == "__main__":
    sys.exit(main())
