"""Takes one machine out so that it is made anew: only when everything on it can be done without for so long."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from graphlib import TopologicalSorter

from outlast.apply.apply import Applier, Edition
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint, Stage
from outlast.contract.bundle import Bundle
from outlast.contract.passage import Seat
from outlast.contract.probe import Health
from outlast.contract.registry import Registry
from outlast.controller.observe import Sight, look
from outlast.controller.passing import Passing, drained
from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.provider import Provider

CONNECT_LIMIT = 10.0
# Requests under way get so long when their machine leaves.
DRAIN_LIMIT = 30.0


async def retire(
    name: str,
    blueprint: Blueprint,
    registry: Registry,
    provider: Provider,
    vault: Vault,
    leaving: Applier | None,
    passing: Passing,
) -> None:
    """Stop what runs on the machine (`leaving`; None when it does not answer) and remove it with all it holds.

    Raises `OutlastError`, and has changed nothing, when a cluster with a member there would lose its majority or its
    last copy.
    """
    stages = [
        stage
        for stage in blueprint.stages
        if any(blueprint.topology.member_by_name[member].machine == name for member in stage.members)
    ]
    homes = {blueprint.topology.member_by_name[member].machine for stage in stages for member in stage.members}
    sight = await look(blueprint, provider, vault, sorted(homes - {name}))
    findings = [f for stage in stages if (f := refusal(name, stage, blueprint, registry, sight)) is not None]
    if findings:
        raise OutlastError(*findings)
    if leaving is not None:
        # In good order where it can be; a machine that is ill goes as it is.
        with suppress(OutlastError):
            await _leave(leaving, stages, passing)
    await provider.destroy(name)


async def _leave(leaving: Applier, stages: Sequence[Stage], passing: Passing) -> None:
    """Nobody gets new requests here, what is under way is answered, and then all stop: users before what they use."""
    order = [member for stage in _users_first(stages) for member in stage.members]
    parts = sorted((held for held in leaving.bundle.parts if held.member), key=lambda held: order.index(held.member))
    services = {stage.service: stage for stage in stages}
    members = {member: services[stage.service] for stage in stages for member in stage.members}
    seats = [Seat(members[p.member].service, p.member, p.part.slot) for p in parts if p.part.slot]
    await drained(passing, seats, DRAIN_LIMIT)
    names = [service.name for held in parts for service in held.part.services if service.enabled]
    for name in names:
        await leaving.activate([name], force="stop")


def _users_first(stages: Sequence[Stage]) -> list[Stage]:
    names = {stage.name: stage for stage in stages}
    before = {stage.name: [name for name in stage.after if name in names] for stage in stages}
    return [names[name] for name in reversed([*TopologicalSorter(before).static_order()])]


async def let_go(name: str, provider: Provider, edition: Edition, vault: Vault) -> None:
    """Everything on a machine that leaves ends in good order, as far as it answers: nobody sends it requests any more,
    and those under way are finished."""
    with suppress(OutlastError):
        machine = await provider.connect(name, limit=CONNECT_LIMIT)
        try:
            await Applier(machine, Bundle(name, ()), edition, vault).sweep()
        finally:
            await machine.close()


def refusal(name: str, stage: Stage, blueprint: Blueprint, registry: Registry, sight: Sight) -> Finding | None:
    """Why the stage cannot do without its member on that machine; None when it can."""
    component = registry[stage.component]
    others = [m for member in stage.members if (m := blueprint.topology.member_by_name[member]).machine != name]
    healthy = sum(sight.report(registry, m.name, m.component, m.machine).health is Health.HEALTHY for m in others)
    # Whoever owns state needs others that have it; whoever votes, a majority. Others come back as they were made.
    needed = component.needed(len(stage.members)) if component.steward else 0
    if healthy >= needed:
        return None
    return Finding(
        where=name,
        what=f"it cannot be replaced now: {stage.service} needs its member there",
        why=f"{healthy} of the other {len(others)} members are healthy, and it needs {needed} of them",
        fix="bring the others to health with `outlast up` first",
    )
