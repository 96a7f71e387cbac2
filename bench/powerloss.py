"""What remains after every machine lost its power at once: `sudo .venv/bin/python -m bench.powerloss 10`.

Needs the example shop (`sudo make run`). Each trial takes the power from all machines at the same moment while a
customer orders without a pause. In every other trial the machines then boot by themselves, as after a power cut, and
nobody runs a command; in the others `outlast up` brings them back. Then every acknowledged order is looked up. With
`gone` as a further word, one data machine is lost for good in each trial, and `outlast up` makes it anew. Bounded by
the number of trials; judges nothing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass

from rich.console import Console
from tests.lab.orders import Orders
from tests.lab.site import ROOT, LabSite, until

from outlast.machines.provider import Order

MOST_TRIALS = 50
SERVES_LIMIT = 180.0
SAID = "it founds the cluster: "
STARTED = ["cat", "/run/outlast-galera/started.json"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One loss of power: seconds from the return of the power to the first order and to a healthy site."""

    how: str
    serves: float
    healthy: float
    acknowledged: int
    lost: int
    founder: str


def main() -> None:
    """Run the trials that the command line asks for (default 10) and print each, then the sum."""
    words = sys.argv[1:]
    gone = "gone" in words
    count = min(MOST_TRIALS, next((int(word) for word in words if word.isdecimal()), 10))
    site, console = LabSite(ROOT / "examples/shop"), Console(highlight=False, soft_wrap=True)
    trials: list[Trial] = []
    for number in range(count):
        made = trial(site, number, by_command=gone or number % 2 == 1, gone=gone)
        trials.append(made)
        console.print(
            f"{made.how}: orders after {made.serves:.1f} s, healthy after {made.healthy:.1f} s; "
            f"{made.acknowledged} acknowledged, {made.lost} lost; {made.founder}"
        )
    acknowledged, lost = sum(t.acknowledged for t in trials), sum(t.lost for t in trials)
    console.print(f"{count} losses of power: {acknowledged} acknowledged orders, {lost} lost")


def trial(site: LabSite, number: int, *, by_command: bool, gone: bool) -> Trial:
    """One loss of power of the whole site."""
    until("the site is healthy", lambda: site.status()["healthy"], 120)
    status = site.status()
    machines = [machine["name"] for machine in status["machines"]]
    data = [machine["name"] for machine in status["machines"] if machine["pool"] == "data"]
    url = status["urls"][0]
    orders = Orders(site, url)
    with orders:
        until("orders are accepted", lambda: len(orders.acknowledged) > 50, 30)
        asyncio.run(_power_off(site, machines))
    before = list(orders.acknowledged)
    if gone:
        asyncio.run(site.provider().destroy(data[number % len(data)]))
    began = time.monotonic()
    done = _return(site, machines, by_command=by_command)
    until("orders are accepted again", lambda: _accepted(site, url), SERVES_LIMIT)
    serves = time.monotonic() - began
    until("the site is healthy again", lambda: site.status()["healthy"], SERVES_LIMIT)
    healthy = time.monotonic() - began
    with site.client(url) as client:
        lost = sum(client.get(f"/api/orders/{token}").status_code != 200 for token, _ in before)
    how = "one machine gone, `up`" if gone else "`up`" if by_command else "by themselves"
    return Trial(how, serves, healthy, len(before), lost, _founder(site, data, done))


async def _power_off(site: LabSite, machines: list[str]) -> None:
    provider = site.provider()
    await asyncio.gather(*(provider.power_off(name) for name in machines))


def _return(site: LabSite, machines: list[str], *, by_command: bool) -> list[str]:
    """Give the power back; what `up` says it did."""
    if by_command:
        return json.loads(site.run("up", "--yes", "--json").stdout)["done"]
    asyncio.run(_power_on(site, machines))
    return []


async def _power_on(site: LabSite, machines: list[str]) -> None:
    provider = site.provider()
    found = {machine.name: machine for machine in await provider.list()}
    orders = [Order(name, found[name].datacenter, found[name].address) for name in machines]
    await asyncio.gather(*(provider.create(order) for order in orders))


def _accepted(site: LabSite, url: str) -> bool:
    """Whether one order goes through; the customer is a new one, because the old one's connections are dead."""
    try:
        with Orders(site, url) as orders:
            until("an order", lambda: orders.acknowledged, 2.0)
    except Exception:  # noqa: BLE001 - whatever goes wrong means: not yet
        return False
    return True


def _founder(site: LabSite, data: list[str], done: list[str]) -> str:
    """Who founded the cluster anew, by what the machines noted, and because of what `up` said."""
    notes = {name: json.loads(site.run("exec", name, "--", *STARTED).stdout) for name in data}
    founders = [name for name, note in notes.items() if note["bootstrap"]]
    if not founders:
        return "nobody founded: all members of the last view returned and united by themselves"
    said = [line.partition(SAID)[2] for line in done if SAID in line]
    return f"{', '.join(founders)} founded it: {'; '.join(said) or 'nobody said why'}"


if __name__ == "__main__":
    main()
