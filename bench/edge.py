"""How long orders stop when the edge that holds their address is cut off: `sudo .venv/bin/python -m bench.edge 4`.

Needs the example shop (`sudo make run`). One customer orders over one kept connection; the machine that holds its
address is cut for four seconds. With `open` as a further word the firewalls are taken away first and brought back at
the end, to see what they cost. Bounded by the number of trials; judges nothing.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from rich.console import Console
from tests.lab.orders import Orders
from tests.lab.site import ROOT, LabSite, until

from outlast.blueprint.nftables import SERVICE

HELD = 4.0
HOME = 9.0
MOST_TRIALS = 50
CONSOLE = Console(highlight=False)


def main() -> None:
    """Run the trials that the command line asks for (default 4) and print each, then the summary."""
    trials = min(MOST_TRIALS, int(sys.argv[1]) if len(sys.argv) > 1 else 4)
    site = LabSite(ROOT / "examples/shop")
    is_open = "open" in sys.argv[2:]
    try:
        if is_open:
            _everywhere(site, "nft", "delete", "table", "inet", "outlast")
        gaps = [trial(site, number) for number in range(trials)]
    finally:
        if is_open:
            _everywhere(site, "systemctl", "restart", SERVICE)
    CONSOLE.print(
        f"{trials} trials{' without firewalls' if is_open else ''}, min / median / max: "
        f"{min(gaps):.2f} / {statistics.median(gaps):.2f} / {max(gaps):.2f} s"
    )


def trial(site: LabSite, number: int) -> float:
    """One cut: from the last order acknowledged before it to the first one after it, in seconds."""
    until("every address is at home", lambda: _at_home(site), 90)
    status = site.status()
    floating = status["floating"][number % len(status["floating"])]
    orders = Orders(site, next(url for url in status["urls"] if floating["address"] in url))
    with orders:
        until("orders are accepted", lambda: len(orders.acknowledged) > 30, 20)
        asyncio.run(site.provider().cut(floating["holder"]))
        cut_at = time.monotonic()
        try:
            until("orders go on", lambda: orders.since(cut_at + 0.05), 20)
            time.sleep(max(0.0, HELD - (time.monotonic() - cut_at)))
        finally:
            asyncio.run(site.provider().mend(floating["holder"]))
        gap = orders.longest_gap(cut_at - 0.5)
        time.sleep(HOME)
    CONSOLE.print(f"cut {floating['holder']}: outage {gap:.2f} s, {orders.errors} errors, the return included")
    return gap


def _at_home(site: LabSite) -> bool:
    status = site.status()
    return status["healthy"] and all(floating["holder"] == floating["home"] for floating in status["floating"])


def _everywhere(site: LabSite, *argv: str) -> None:
    for machine in site.status()["machines"]:
        site.run("exec", machine["name"], "--", *argv)


if __name__ == "__main__":
    main()
