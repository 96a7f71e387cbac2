"""One trial: a customer commits, the machine or the process that serves it dies, and comes back."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.failover_peers.customer import Customer
from bench.failover_peers.system import System
from bench.failover_peers.waiting import until

from outlast.machines.provider import Order

FAULTS = ("host", "kill")
HEALTHY_LIMIT = 120.0
SERVES_LIMIT = 90.0
# An acknowledgement that was under way when the fault began.
UNDER_WAY = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """What the customer saw, in seconds: the longest time without an acknowledgement at the fault and at the return."""

    system: str
    fault: str
    outage: float
    back: float
    errors: int
    acknowledged: int
    lost: int


async def prepare(system: System) -> None:
    """Put the customer there and make the table."""
    async with Customer(system) as customer:
        await customer.put()
        await customer.ask("prepare")


async def trial(system: System, fault: str, number: int) -> Trial:
    """Break whatever serves the customer just now."""
    await until(f"{system.name} is healthy", system.healthy, HEALTHY_LIMIT)
    async with Customer(system) as customer:
        began = time.monotonic()
        await customer.start(number)
        await customer.until_steady(began, SERVES_LIMIT)
        order = await _serving(system, (await customer.log()).servers[-1][0])
        at = await _break(system, fault, order.name)
        await customer.until_steady(at, SERVES_LIMIT)
        back = time.monotonic()
        if fault == "host":
            await system.provider.create(order)
        await until(f"{system.name} is whole again", system.healthy, HEALTHY_LIMIT)
        await customer.until_later(time.monotonic(), SERVES_LIMIT)
        log = await customer.stop()
        there = set(await customer.ask("look", str(number)))
    lost = sum(f"there {row}" not in there for row, _ in log.rows)
    gap = log.longest_gap(at - UNDER_WAY, back)
    return Trial(system.name, fault, gap, log.longest_gap(back, float("inf")), len(log.errors), len(log.rows), lost)


async def _serving(system: System, address: str) -> Order:
    """The machine that has this address."""
    for found in await system.provider.list():
        if str(found.address) == address:
            return Order(found.name, found.datacenter, found.address)
    raise LookupError(f"no machine of {system.name} has the address {address}")


async def _break(system: System, fault: str, name: str) -> float:
    """Answers when it began."""
    if fault == "host":
        at = time.monotonic()
        await system.provider.power_off(name)
        return at
    machine = await system.provider.connect(name)
    try:
        at = time.monotonic()
        done = await machine.run(["sh", "-c", system.kill])
        assert done.returncode == 0, done.stderr.decode()
        return at
    finally:
        await machine.close()
