"""The senses of a controller on real machines: what they hear of a site that is well, and how soon of trouble."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from outlast.contract.probe import Health
from outlast.contract.registry import discover
from outlast.controller.senses import Senses
from outlast.controller.store import Store
from outlast.policy.observation import Fact, Known, Observation, Presence, fresh
from outlast.policy.size import Pace
from tests.lab.site import LabSite, copy_of, traces

pytestmark = pytest.mark.lab
SITE = "outlast-test-pulse"
LOG = logging.getLogger(__name__)
OLD = Pace().facts


@pytest.fixture(scope="module")
def site() -> Iterator[LabSite]:
    site = copy_of("tiny", SITE)
    site.run("up", "--yes", limit=600)
    yield site
    site.run("down", "--yes")
    assert traces(SITE) == []


def senses(site: LabSite) -> Senses:
    blueprint = Store(site.home / ".outlast").blueprint()
    assert blueprint is not None
    return Senses(blueprint, discover(), site.provider())


async def until(ears: Senses, what: str, holds: Callable[[Observation], bool], within: float) -> None:
    """Wait until something holds of what is observed."""
    began = time.monotonic()
    while not holds(seen := ears.observation()):
        assert time.monotonic() - began < within, f"not within {within} s: {what}; {seen}"
        await asyncio.sleep(0.05)
    LOG.info("%s after %.2f s", what, time.monotonic() - began)


def value(fact: Fact[Any] | None, seen: Observation) -> Any:
    known = fresh(fact, seen.at, OLD) if fact else None
    return known.value if isinstance(known, Known) else None


def is_heard(seen: Observation, name: str) -> bool:
    return seen.at - seen.machines[name].heard < 2.0


def all_well(seen: Observation) -> bool:
    heard = all(is_heard(seen, name) for name in seen.machines)
    return heard and all(value(fact, seen) is Health.HEALTHY for fact in seen.members.values())


def member(seen: Observation, component: str) -> str:
    return next(name for name in sorted(seen.members) if component in name)


async def test_a_site_that_is_well_is_known_to_be_and_stays_so(site: LabSite) -> None:
    async with senses(site).listening() as ears:
        await until(ears, "every machine and member is known to be well", all_well, 15)
        # A fact must not grow old between two probes.
        ends = time.monotonic() + 12
        await until(ears, "twelve seconds later", lambda seen: not all_well(seen) or time.monotonic() > ends, 15)
        seen = ears.observation()
        assert all_well(seen)
        for machine in seen.machines.values():
            assert value(machine.presence, seen) is Presence.ON
            assert 0 < value(machine.busy, seen) < 1
            assert 0 < value(machine.room, seen) < 1


async def test_requests_under_way_are_counted_at_the_edge(site: LabSite) -> None:
    (url,) = site.status()["urls"][:1]
    async with senses(site).listening() as ears:
        await until(ears, "the load is known", lambda seen: value(seen.loads["east/hello"].busy, seen) is not None, 15)

        def ask() -> None:
            with site.client(url) as client:
                for _ in range(200):
                    client.get("/")

        asking = asyncio.create_task(asyncio.to_thread(ask))
        await until(ears, "requests come", lambda seen: (value(seen.loads["east/hello"].rate, seen) or 0) > 5, 15)
        assert value(ears.observation().loads["east/hello"].mean, ears.observation()) is not None
        await asking


async def test_a_service_that_is_stopped_is_unhealthy_at_once(site: LabSite) -> None:
    provider = site.provider()
    async with senses(site).listening() as ears:
        await until(ears, "all is well", all_well, 15)
        name = member(ears.observation(), "haproxy")
        machine = await provider.connect("east-edge-1")
        await machine.run(["systemctl", "stop", "outlast-haproxy"])
        await until(ears, "ill", lambda seen: value(seen.members[name], seen) is Health.UNHEALTHY, 4)
        await machine.run(["systemctl", "start", "outlast-haproxy"])
        await until(ears, "well again", all_well, 15)
        await machine.close()


async def test_a_machine_that_is_cut_off_is_not_heard_and_is_heard_again(site: LabSite) -> None:
    provider = site.provider()
    async with senses(site).listening() as ears:
        await until(ears, "all is well", all_well, 15)
        for power in (False, True):
            await (provider.power_off("east-app-1") if power else provider.cut("east-app-1"))
            try:
                await until(ears, "not heard", lambda seen: not is_heard(seen, "east-app-1"), 5)
                presence = Presence.OFF if power else Presence.ON
                await until(
                    ears,
                    "its provider knows",
                    lambda seen, presence=presence: value(seen.machines["east-app-1"].presence, seen) is presence,
                    5,
                )
            finally:
                if not power:
                    await provider.mend("east-app-1")
            if power:
                await asyncio.to_thread(site.run, "up", "--yes")
            await until(ears, "heard again", all_well, 30)
