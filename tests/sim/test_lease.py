"""One operator at a time, on simulated machines: who holds them, who is refused, and who takes over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from outlast.apply.apply import Applier, Edition
from outlast.apply.facts import Holder
from outlast.contract.bundle import Bundle
from outlast.controller.lease import TTL, Lease, held, operator
from outlast.kernel.errors import OutlastError
from outlast.kernel.events import silent
from outlast.machines.machine import Machine
from outlast.machines.provider import Order
from outlast.machines.sim.sim import Sim
from tests.sim.site import SimSite, new_site

NAMES = ("east-app-1", "east-app-2", "east-data-1")


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1e6

    def __call__(self) -> float:
        return self.now


def far(name: str) -> Holder:
    """An operator on another box."""
    return Holder(id=name, user=name, host="far", box="another", process=7, born="1", verb="up")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def site(tmp_path: Path) -> SimSite:
    return new_site(tmp_path)


@pytest_asyncio.fixture
async def machines(site: SimSite, clock: Clock) -> AsyncIterator[dict[str, Machine]]:
    sim: Sim = site.provider(clock)
    (network,) = await sim.networks(["east"])
    await sim.prepare((), silent)
    for number, name in enumerate(NAMES, 11):
        await sim.create(Order(name, "east", network[number]))
    yield {name: await sim.connect(name) for name in NAMES}


async def test_a_second_operator_is_refused_and_told_by_whom(machines: dict[str, Machine]) -> None:
    async with held(machines, far("ada"), 0.0, silent):
        with pytest.raises(OutlastError) as refused:
            async with held(machines, far("bea"), 0.0, silent):
                raise AssertionError("two at once")
        assert "`outlast up` of ada on far (process 7)" in refused.value.findings[0].why
    async with held(machines, far("bea"), 0.0, silent) as lease:
        assert lease.said == []


async def test_who_is_refused_anywhere_gives_everything_back(machines: dict[str, Machine]) -> None:
    await Lease(far("ada"), silent).add(machines[NAMES[2]])
    with pytest.raises(OutlastError):
        async with held(machines, far("bea"), 0.0, silent):
            raise AssertionError("not all of them")
    async with held({name: machines[name] for name in NAMES[:2]}, far("cleo"), 0.0, silent):
        pass


async def test_the_machine_itself_refuses_whoever_has_not_got_it(machines: dict[str, Machine], site: SimSite) -> None:
    def applier(lease: str) -> Applier:
        return Applier(machines[NAMES[0]], Bundle(NAMES[0], ()), Edition("s", 1, lease=lease), site.vault())

    async with held(machines, far("ada"), 0.0, silent):
        assert (await applier("ada").land()).changed == ()
        assert (await applier("bea").land(dry=True)).changed == (), "looking is free"
        for change in (applier("bea").land, applier("").land, applier("bea").sweep):
            with pytest.raises(OutlastError) as refused:
                await change()
            assert "ada on far" in refused.value.findings[0].why
    await applier("bea").land()


async def test_silence_ends_a_lease_and_the_next_one_says_so(machines: dict[str, Machine], clock: Clock) -> None:
    lease = Lease(far("ada"), silent)
    await lease.take(machines)
    clock.now += TTL - 1
    with pytest.raises(OutlastError):
        await Lease(far("bea"), silent).take(machines)
    clock.now += 2
    next_one = Lease(far("bea"), silent)
    await next_one.take(machines)
    assert next_one.said == [
        f"took the site over from `outlast up` of ada on far (process 7), which was silent for {TTL + 1:.0f} s"
    ]
    # The first one gives back what it lost: nothing of the other's.
    await lease.release()
    with pytest.raises(OutlastError):
        await Lease(far("cleo"), silent).take(machines)


async def test_a_dead_process_of_this_box_is_taken_over_at_once(machines: dict[str, Machine]) -> None:
    dead = operator("up").model_copy(update={"id": "dead", "born": "before"})
    await Lease(dead, silent).take(machines)
    lease = Lease(operator("down"), silent)
    await lease.take(machines)
    assert lease.said[0].endswith("which died")
    alive = operator("up")
    with pytest.raises(OutlastError):
        await Lease(alive, silent).take(machines)


async def test_no_machine_no_lease() -> None:
    async with held({}, far("ada"), 0.0, silent) as lease:
        assert lease.said == []
