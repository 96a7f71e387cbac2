"""How long orders stop when the writer's machine is cut off: `sudo .venv/bin/python -m bench.outage 8`.

Needs the example shop (`sudo make run`). Each trial cuts the machine of the database member that is written to, for
four seconds, while one customer orders without a pause over one of the floating addresses; then every acknowledged
order is looked up. Bounded by the number of trials; judges nothing.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

from rich.console import Console
from tests.lab.orders import Orders
from tests.lab.site import ROOT, LabSite, until

HELD = 4.0
MOST_TRIALS = 50


def main() -> None:
    """Run the trials that the command line asks for (default 8) and print each, then the summary."""
    trials = min(MOST_TRIALS, int(sys.argv[1]) if len(sys.argv) > 1 else 8)
    site, console = LabSite(ROOT / "examples/shop"), Console(highlight=False)
    gaps: list[float] = []
    totals = {"acknowledged": 0, "errors": 0, "lost": 0}
    for number in range(trials):
        gap, after, healthy, orders, lost = trial(site, number)
        gaps.append(gap)
        totals["acknowledged"] += len(orders.acknowledged)
        totals["errors"] += orders.errors
        totals["lost"] += lost
        console.print(
            f"outage {gap:.2f} s, longest gap on return {after:.2f} s, healthy {healthy:.1f} s after the mend"
        )
    spread = f"{min(gaps):.2f} / {statistics.median(gaps):.2f} / {max(gaps):.2f} s"
    console.print(f"{trials} trials: outage min / median / max {spread}; {totals}")


def trial(site: LabSite, number: int) -> tuple[float, float, float, Orders, int]:
    """One cut: outage, longest gap on return, time to healthy (s), the customer, and the orders that were lost."""
    until("the site is healthy", lambda: site.status()["healthy"], 90)
    status = site.status()
    writer = next(service["primary"] for service in status["services"] if service["name"] == "database")
    machine = next(member["machine"] for member in status["members"] if member["name"] == writer)
    orders = Orders(site, status["urls"][number % len(status["urls"])])
    with orders:
        until("orders are accepted", lambda: len(orders.acknowledged) > 30, 20)
        cut_at = time.monotonic()
        asyncio.run(site.provider().cut(machine))
        time.sleep(HELD)
        gap = orders.longest_gap(cut_at - 0.5)
        mended_at = time.monotonic()
        asyncio.run(site.provider().mend(machine))
        healthy = until("the site is healthy again", lambda: site.status()["healthy"], 90)
        time.sleep(2.0)
        after = orders.longest_gap(mended_at)
    with site.client(orders.url) as client:
        lost = [token for token, _ in orders.acknowledged if client.get(f"/api/orders/{token}").status_code != 200]
    return gap, after, healthy, orders, len(lost)


if __name__ == "__main__":
    main()
