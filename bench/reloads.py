"""Reloads of the edge under load: `sudo .venv/bin/python -m bench.reloads [RELOADS [RATE]]`.

Brings up the shop, lets customers come at RATE requests a second over both edges, and reloads the edges in turn until
there were RELOADS of them. Prints the failed requests and how long requests took.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from statistics import quantiles

from bench.traffic import Traffic
from rich.console import Console
from tests.lab.site import LabSite, copy_of

from outlast.machines.machine import Machine

SITE = "bench-reloads"
EDGES = ("east-edge-1", "east-edge-2")
RELOAD = ["systemctl", "reload", "outlast-haproxy.service"]
# The least requests that a figure of none failed says something about.
ENOUGH = 100_000
MOST = 1200.0


def main() -> int:
    """Run it, and tell."""
    reloads = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 200.0
    site = copy_of("shop", SITE)
    try:
        site.run("up", "--yes", limit=600)
        return asyncio.run(_run(site, reloads, rate))
    finally:
        site.run("down", "--yes", expect=None)


async def _run(site: LabSite, reloads: int, rate: float) -> int:
    urls = tuple(url.rstrip("/") for url in json.loads(site.run("up", "--yes", "--json").stdout)["urls"])
    provider = site.provider()
    edges = [await provider.connect(name) for name in EDGES]
    traffic = Traffic(urls, site.home / ".outlast/ca.pem", rate, path="/healthz")
    pause = min(MOST, max(ENOUGH / rate, 0.0)) / reloads
    refused: Counter[str] = Counter()
    async with traffic.coming():
        began = time.monotonic()
        for number in range(reloads):
            await asyncio.sleep(max(0.0, began + number * pause - time.monotonic()))
            refused.update(await _reload(edges[number % len(edges)]))
        seconds = time.monotonic() - began
        await asyncio.sleep(max(0.0, (ENOUGH - len(traffic.asked)) / rate))
    await asyncio.gather(*(edge.close() for edge in edges))
    lost = await traffic.missing()
    _tell(traffic, reloads, seconds, refused, lost)
    return 1 if lost or refused or any(asked.wrong for asked in traffic.asked) else 0


async def _reload(edge: Machine) -> list[str]:
    done = await edge.run(RELOAD, limit=30.0)
    return [] if done.returncode == 0 else [done.stderr.decode(errors="replace").strip()]


def _tell(traffic: Traffic, reloads: int, seconds: float, refused: Counter[str], lost: list[str]) -> None:
    console = Console(highlight=False, width=120)
    wrong = Counter(f"{asked.kind} {asked.wrong}" for asked in traffic.asked if asked.wrong)
    console.print(f"{reloads:,} reloads in {seconds:.0f} s, {sum(refused.values())} refused {dict(refused) or ''}")
    console.print(f"{len(traffic.asked):,} requests, {sum(wrong.values())} failed {dict(wrong) or ''}")
    console.print(
        f"{traffic.again} asked again over another connection; {len(traffic.orders):,} orders, {len(lost)} lost"
    )
    took = sorted(asked.seconds * 1000 for asked in traffic.asked)
    cuts = quantiles(took, n=100)
    console.print(f"p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms, longest {took[-1]:.0f} ms")


if __name__ == "__main__":
    sys.exit(main())
