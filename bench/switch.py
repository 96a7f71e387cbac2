"""How long orders stand still when the writes move on purpose: `sudo .venv/bin/python -m bench.switch [PAIRS]`.

Brings up the shop, lets two customers order without a pause over each address, and moves the writes to another member
again and again: by turns with proxies that watch the members and with proxies that only ask for their health. Prints
the longest time without an order of anybody, and the longest that one customer waited, beside those of the seconds
before each move, and how many orders failed or were lost.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain, pairwise
from statistics import median
from time import monotonic

from rich.console import Console
from rich.table import Table
from tests.lab.orders import Orders
from tests.lab.site import LabSite, copy_of, until

from outlast.contract.registry import discover
from outlast.machines.machine import Machine
from outlast.proof.percentile import percentile

SITE = "bench-switch"
MOST_PAIRS = 30
EACH = 2
# Seconds that customers have to themselves before and after a move.
QUIET = 3.0
# Orders that one customer can make during one move, with what lies before and after it.
MOST_A_MOVE = 1_500
SOCKET = "/run/outlast-dbproxy/admin.sock"
TELL = f"""
import socket, sys
with socket.socket(socket.AF_UNIX) as control:
    control.settimeout(3)
    control.connect({SOCKET!r})
    control.sendall(sys.argv[1].encode() + b"\\n")
    while control.recv(65536):
        pass
"""


def main() -> None:
    """Run it, and tell."""
    pairs = min(MOST_PAIRS, int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    site = copy_of("shop", SITE)
    try:
        site.run("up", "--yes", limit=600)
        urls = site.status()["urls"]
        with ExitStack() as stack:
            most = MOST_A_MOVE * (2 * pairs + 1)
            customers = [
                stack.enter_context(Orders(site, url, most, thing)) for thing, url in enumerate(sorted(urls * EACH))
            ]
            until("all orders are accepted", lambda: all(len(each.acknowledged) > 30 for each in customers), 60)
            found = asyncio.run(_moves(site, customers, pairs))
        _tell(site, customers, found)
    finally:
        site.run("down", "--yes", expect=None)


async def _moves(site: LabSite, customers: list[Orders], pairs: int) -> dict[bool, list[tuple[float, ...]]]:
    """Of moves with and without watching: the gaps of all and of one customer, before and during it."""
    members = [m for m in site.status()["members"] if m["component"] in ("galera", "dbproxy")]
    provider = site.provider()
    machines = {m["machine"]: await provider.connect(m["machine"]) for m in members}
    proxies = [machines[m["machine"]] for m in members if m["component"] == "dbproxy"]
    names = [m["name"] for m in members if m["component"] == "galera"]
    switch = discover()["galera"].switch
    assert switch is not None
    found: dict[bool, list[tuple[float, ...]]] = {True: [], False: []}
    for number in range(2 * pairs):
        watched = number % 2 == 0
        await _watch(proxies, names, watched)
        began = monotonic()
        await asyncio.sleep(QUIET)
        status = await asyncio.to_thread(site.status)
        writer = next(service["primary"] for service in status["services"] if service["name"] == "database")
        home = next(m["machine"] for m in members if m["name"] == writer)
        await asyncio.sleep(QUIET)
        moved = monotonic()
        done = await machines[home].run(switch)
        assert done.returncode == 0, done
        await asyncio.sleep(QUIET)
        ended = monotonic()
        found[watched].append((*_gaps(customers, began, began + QUIET), *_gaps(customers, moved, ended)))
    await asyncio.gather(*(machine.close() for machine in machines.values()))
    return found


async def _watch(proxies: list[Machine], members: list[str], on: bool) -> None:
    verb = "enable" if on else "disable"
    commands = "; ".join(f"{verb} agent writer/{name}" for name in members)
    await asyncio.gather(*(proxy.run(["python3", "-c", TELL, commands]) for proxy in proxies))


def _gaps(customers: list[Orders], begin: float, end: float) -> tuple[float, float]:
    """The longest time in which nobody's order was taken, and in which one customer's was not."""
    times = [[at for _, at in list(each.acknowledged) if begin <= at <= end] for each in customers]
    return _gap(sorted(chain.from_iterable(times))), max(map(_gap, times))


def _gap(times: list[float]) -> float:
    return max((after - before for before, after in pairwise(times)), default=float("inf"))


def _spread(seconds: list[float]) -> Iterator[str]:
    return (_told(percentile(seconds, percent)) for percent in (50, 95, 100))


def _told(seconds: float | None) -> str:
    return "never" if seconds is None else f"{1000 * seconds:.0f} ms"


def _tell(site: LabSite, customers: list[Orders], found: dict[bool, list[tuple[float, ...]]]) -> None:
    console = Console(highlight=False, width=120)
    table = Table(box=None, pad_edge=False)
    of_each = ("p50", "p95", "longest")
    for title in ("the proxies", "moves", "nobody's, before", "nobody's, moved:", *of_each, "one's:", *of_each):
        table.add_column(title)
    for watched, moves in found.items():
        quiet, _, all_of, one = ([move[column] for move in moves] for column in range(4))
        what = "watch" if watched else "only ask"
        table.add_row(what, str(len(moves)), _told(median(quiet)), "", *_spread(all_of), "", *_spread(one))
    console.print(table)
    tokens = [token for each in customers for token, _ in each.acknowledged]
    with site.client(customers[0].url) as client:
        lost = [token for token in tokens if client.get(f"/api/orders/{token}").status_code != 200]
    errors = sum(each.errors for each in customers)
    console.print(f"{len(tokens):,} orders acknowledged, {len(lost)} lost, {errors} answered with an error")


if __name__ == "__main__":
    main()
