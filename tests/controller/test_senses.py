"""What the controller hears of a site on simulated machines: silence, returns, changes, a provider that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from outlast.blueprint.firewall import Direction, Firewall, Peer, Rule
from outlast.contract.probe import Health
from outlast.controller.beat import Rhythm
from outlast.controller.senses import Patience, Senses
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.network import Transport
from outlast.machines.machine import Machine
from outlast.machines.provider import Found
from outlast.machines.sim.sim import Sim
from outlast.policy.observation import NEVER, Fact, Known, Observation, Presence, Unknown, fresh
from tests.sim.site import SimSite, new_site

FAST = Rhythm(period=0.05, probe=0.2, limit=2.0)
HASTE = Patience(connect=0.2, again=0.05, most=0.1, provider=0.05, answer=0.5, silent=0.5, others=0.1, greet=0.2)
OLD = 1.0


async def until(senses: Senses, holds: Callable[[Observation], bool], within: float = 20.0) -> Observation:
    """The first observation of which something holds."""
    async with asyncio.timeout(within):
        while not holds(seen := senses.observation()):  # noqa: ASYNC110 - what it knows changes without a word
            await asyncio.sleep(0.02)
    return seen


def value(fact: Fact[Any], seen: Observation) -> Any:
    """What is known and not old."""
    known = fresh(fact, seen.at, OLD)
    return known.value if isinstance(known, Known) else None


def is_heard(seen: Observation, name: str) -> bool:
    return seen.at - seen.machines[name].heard < OLD


def all_well(seen: Observation) -> bool:
    return all(is_heard(seen, name) for name in seen.machines) and all(
        value(fact, seen) is Health.HEALTHY for fact in seen.members.values()
    )


@pytest.fixture
async def site(tmp_path: Path) -> SimSite:
    made = new_site(tmp_path)
    await made.up()
    return made


@dataclass
class Bent:
    """A provider that does not do all it should. `deaf`: machines that it does not connect to."""

    sim: Sim
    fails: bool = False
    hangs: bool = False
    deaf: frozenset[str] = frozenset()

    async def list(self) -> tuple[Found, ...]:
        if self.fails:
            raise OutlastError(Finding("vendor", "it does not answer", "it was told not to", "tell it otherwise"))
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        return await self.sim.list()

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        if name in self.deaf:
            raise Unreachable(Finding(name, "no answer", "nobody connects to it", "nothing"))
        return await self.sim.connect(name, limit=limit)


def senses(site: SimSite, provider: Any = None) -> Senses:
    return Senses(site.blueprint(), site.registry, provider or site.provider(), rhythm=FAST, patience=HASTE)


async def test_every_machine_and_member_is_known(site: SimSite) -> None:
    async with senses(site).listening() as ears:
        seen = await until(ears, all_well)
        assert {machine.name for machine in site.blueprint().topology.machines} == set(seen.machines)
        assert {member.name for member in site.blueprint().topology.members} == set(seen.members)
        assert all(value(machine.presence, seen) is Presence.ON for machine in seen.machines.values())


async def test_a_machine_without_power_falls_silent_and_comes_back(site: SimSite) -> None:
    sim = site.provider()
    async with senses(site, sim).listening() as ears:
        await until(ears, all_well)
        await sim.power_off("east-app-1")
        await until(ears, lambda seen: value(seen.machines["east-app-1"].presence, seen) is Presence.OFF)
        await until(ears, lambda seen: not is_heard(seen, "east-app-1") and is_heard(seen, "east-app-2"))
        await until(ears, lambda seen: value(seen.members["east-web-1"], seen) is None)
        await site.up(sim)
        await until(ears, all_well)


async def test_a_machine_that_is_cut_off_is_on_and_nobody_hears_it(site: SimSite) -> None:
    sim = site.provider()
    async with senses(site, sim).listening() as ears:
        await until(ears, all_well)
        await sim.cut("east-edge-1")
        await until(ears, lambda seen: not is_heard(seen, "east-edge-1"))
        await until(ears, lambda seen: value(seen.machines["east-edge-1"].presence, seen) is Presence.ON)
        await sim.mend("east-edge-1")
        await until(ears, all_well)


async def test_a_machine_that_left_is_forgotten_and_a_new_one_is_heard(site: SimSite) -> None:
    sim, smaller = site.provider(), site.blueprint()
    async with senses(site, sim).listening() as ears:
        await until(ears, all_well)
        before = ears.observation()
        larger = new_site(site.home, web="scale: { min: 3 }")
        await larger.up(sim)
        ears.follow(larger.blueprint())
        seen = await until(ears, lambda seen: "east-web-3" in seen.members and all_well(seen))
        assert set(seen.machines) > set(before.machines)
        ears.follow(smaller)
        assert set(ears.observation().machines) == set(before.machines)
        await until(ears, all_well)


async def test_a_provider_that_fails_leaves_presence_unknown_and_nothing_else(site: SimSite) -> None:
    provider = Bent(site.provider())
    async with senses(site, provider).listening() as ears:
        await until(ears, all_well)
        provider.fails = True
        await until(ears, lambda seen: isinstance(seen.machines["east-app-1"].presence, Unknown))
        await until(ears, lambda seen: all(is_heard(seen, name) for name in seen.machines))
        provider.fails, provider.hangs = False, True
        await until(ears, lambda seen: value(seen.machines["east-app-1"].presence, seen) is None)
        provider.hangs = False
        await until(ears, lambda seen: value(seen.machines["east-app-1"].presence, seen) is Presence.ON)


async def test_others_are_asked_about_a_machine_that_is_not_heard(site: SimSite) -> None:
    blueprint, sim = site.blueprint(), site.provider()
    app = blueprint.topology.machine_by_name["east-app-1"]
    to_app = Rule(Direction.OUT, Transport.TCP, 22, (Peer(app.name, f"{app.address}/32"),), "to look")
    knows = replace(blueprint, firewalls=(Firewall("east-edge-1", (to_app,)), Firewall("east-edge-2", (to_app,))))
    provider: Any = Bent(sim, deaf=frozenset({"east-app-1"}))
    async with Senses(knows, site.registry, provider, rhythm=FAST, patience=HASTE).listening() as ears:
        seen = await until(ears, lambda seen: seen.machines["east-app-1"].heard_elsewhere > 0)
        assert seen.machines["east-app-1"].heard == NEVER
        await sim.cut("east-app-1")
        await until(ears, lambda seen: seen.at - seen.machines["east-app-1"].heard_elsewhere > OLD)


async def test_nobody_is_asked_whose_firewall_would_answer_for_the_other(site: SimSite) -> None:
    provider: Any = Bent(site.provider(), deaf=frozenset({"east-app-1"}))
    # No machine may connect to another's sshd, not even those of the controllers.
    closed = replace(site.blueprint(), firewalls=())
    async with Senses(closed, site.registry, provider, rhythm=FAST, patience=HASTE).listening() as ears:
        await until(ears, lambda seen: is_heard(seen, "east-edge-1") and is_heard(seen, "east-edge-2"))
        began = ears.observation().at
        seen = await until(ears, lambda seen: seen.at - began > 3 * HASTE.others)
        assert seen.machines["east-app-1"].heard_elsewhere == NEVER


async def test_what_nobody_foresaw_ends_the_listening(site: SimSite) -> None:
    provider: Any = Bent(site.provider())
    provider.list = None
    with pytest.raises(TypeError):
        async with senses(site, provider).listening():
            await asyncio.get_running_loop().create_future()
