"""How long orders stop when the writer's machine is cut off: `sudo .venv/bin/python -m bench.outage 8 0.8 1.5 4`.

Needs the example shop (`sudo make run`). Each trial cuts the machine of the database member that is written to, for
four seconds or for the lengths given after the number of trials, in turn, while one customer orders without a pause
over one of the floating addresses; then every acknowledged order is looked up. Short cuts are the worse ones for the
return: the others have hardly agreed to go on without the member when it is back. Bounded; judges nothing.
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
LONGEST_HELD = 60.0
MOST_TRIALS = 50


def main() -> None:
    """Run the trials that the command line asks for (default 8) and print each, then the summary."""
    trials = min(MOST_TRIALS, int(sys.argv[1]) if len(sys.argv) > 1 else 8)
    lengths = [min(LONGEST_HELD, float(word)) for word in sys.argv[2:]] or [HELD]
    site, console = LabSite(ROOT / "examples/shop"), Console(highlight=False)
    gaps: list[float] = []
    returns: list[float] = []
    totals = {"acknowledged": 0, "errors": 0, "lost": 0}
    for number in range(trials):
        held = lengths[number % len(lengths)]
        gap, after, healthy, orders, lost = trial(site, number, held)
        gaps.append(gap)
        returns.append(after)
        totals["acknowledged"] += len(orders.acknowledged)
        totals["errors"] += orders.errors
        totals["lost"] += lost
        console.print(
            f"cut for {held:g} s: outage {gap:.2f} s, longest gap on return {after:.2f} s, {orders.errors} errors, "
            f"healthy {healthy:.1f} s after the mend"
        )
    console.print(f"{trials} trials, min / median / max: outage {_spread(gaps)}, return {_spread(returns)}")
    console.print(", ".join(f"{count} {what}" for what, count in totals.items()))


def _spread(seconds: list[float]) -> str:
    return f"{min(seconds):.2f} / {statistics.median(seconds):.2f} / {max(seconds):.2f} s"


def trial(site: LabSite, number: int, held: float) -> tuple[float, float, float, Orders, int]:
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
        time.sleep(held)
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
