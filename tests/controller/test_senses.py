"""What the controller hears of a site on simulated machines: silence, returns, changes, a provider that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outlast.contract.probe import Health
from outlast.controller.beat import Rhythm
from outlast.controller.senses import Patience, Senses
from outlast.policy.observation import Fact, Known, Observation, Presence, fresh
from tests.sim.site import SimSite, new_site

FAST = Rhythm(period=0.05, probe=0.2, limit=2.0)
HASTE = Patience(connect=0.2, again=0.05, most=0.1, provider=0.05, answer=0.5, silent=0.5, others=0.1, greet=0.2)
OLD = 0.5


async def until(senses: Senses, holds: Callable[[Observation], bool], within: float = 20.0) -> Observation:
    """The first observation of which something holds."""
    async with asyncio.timeout(within):
        while not holds(seen := senses.observation()):  # noqa: ASYNC110 - others change it
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


def senses(site: SimSite, provider: Any = None) -> Senses:
    return Senses(site.blueprint(), site.registry, provider or site.provider(), rhythm=FAST, patience=HASTE)


async def test_every_machine_and_member_is_known(site: SimSite) -> None:
    async with senses(site).listening() as ears:
        seen = await until(ears, all_well)
        assert {machine.name for machine in site.blueprint().topology.machines} == set(seen.machines)
        assert {member.name for member in site.blueprint().topology.members} == set(seen.members)
        assert all(value(machine.presence, seen) is Presence.ON for machine in seen.machines.values())
