"""Whether a site is at rest: nothing to write, nothing to start, every member healthy and every steward settled.

Judged from the answers of one landing on every machine, which changes nothing there. When it says no, the rollout
finds out what there is to do: this is a short cut, never a verdict.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from outlast.apply.facts import Landed, Observed
from outlast.blueprint.blueprint import Blueprint, Stage
from outlast.contract.probe import Health
from outlast.contract.registry import Registry
from outlast.controller.connections import Connections
from outlast.controller.inventory import Inventory
from outlast.controller.logbook import Logbook
from outlast.controller.observe import read
from outlast.controller.tend import sighting
from outlast.controller.words import raise_all
from outlast.kernel.errors import Unreachable
from outlast.kernel.events import Emit, Event, Phase


async def is_at_rest(
    blueprint: Blueprint,
    registry: Registry,
    inventory: Inventory,
    connections: Connections,
    log: Logbook,
    emit: Emit,
) -> bool:
    """Whether there is nothing to do: one round trip to each machine tells. Raises what a machine refuses."""

    async def glance(name: str) -> Landed:
        applier = await connections.to(name)
        with log.span(f"look {name}"):
            return await applier.land(dry=True)

    names = sorted(inventory.running)
    answers = await asyncio.gather(*map(glance, names), return_exceptions=True)
    # What a machine refuses, it refuses before anything is kept or changed.
    raise_all([a for a in answers if not isinstance(a, Landed | Unreachable)])
    landed = {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, Landed)}
    return (
        set(landed) == inventory.there == set(blueprint.bundle_by_machine)
        and all(a.observed and a.observed.generation == blueprint.generation for a in landed.values())
        and _all_at_rest(blueprint, registry, landed, emit)
    )


def _all_at_rest(blueprint: Blueprint, registry: Registry, landed: Mapping[str, Landed], emit: Emit) -> bool:
    seen = {name: answer.observed for name, answer in landed.items() if answer.observed is not None}
    if len(seen) != len(landed):
        return False
    return all(_stage_at_rest(blueprint, registry, stage, seen, emit) for stage in blueprint.stages)


def _stage_at_rest(
    blueprint: Blueprint, registry: Registry, stage: Stage, seen: Mapping[str, Observed], emit: Emit
) -> bool:
    component = registry[stage.component]
    members = [blueprint.topology.member_by_name[name] for name in stage.members]
    for member in members:
        report = read(component, seen[member.machine], member.name)
        if report.health is not Health.HEALTHY:
            return False
        emit(Event(member.name, Phase.DONE, report.because))
    for member in members:
        jobs = blueprint.bundle_by_machine[member.machine].part(member.name).once
        if any(job.key not in seen[member.machine].once for job in jobs):
            return False
    if component.steward is None:
        return True
    bundles = blueprint.bundle_by_machine
    sightings = [sighting(component, bundles[m.machine], seen[m.machine], m.name, m.index) for m in members]
    return component.steward(tuple(sightings)).settled
