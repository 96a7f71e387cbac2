"""Whether a site is at rest: nothing to write, nothing to start, every member healthy and every steward settled.

Judged from the answers of one landing on every machine; it asks nothing itself. When it says no, the rollout finds
out what there is to do: this is a short cut, never a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping

from outlast.apply.facts import Landed, Observed
from outlast.blueprint.blueprint import Blueprint, Stage
from outlast.contract.probe import Health
from outlast.contract.registry import Registry
from outlast.controller.observe import read
from outlast.controller.tend import sighting
from outlast.kernel.events import Emit, Event, Phase


def at_rest(blueprint: Blueprint, registry: Registry, landed: Mapping[str, Landed], emit: Emit) -> bool:
    """Whether nothing is to be done; `landed` has the answer of every machine of `blueprint`."""
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
