"""The faults that only some engine can have, as kinds like the others: `galera-desync`. Pure."""

from __future__ import annotations

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.ailment import Ailment
from outlast.contract.registry import Registry
from outlast.proof.faults.catalogue import DISK, KINDS, Kind, Pieces, Surveys, data_folder
from outlast.proof.faults.fault import Fault, Level
from outlast.proof.faults.piece import Piece


def kinds(registry: Registry) -> dict[str, Kind]:
    """All kinds of faults by their names: those of machines, then those of engines."""
    own = [_kind(component.name, ailment) for component in registry for ailment in component.ailments]
    return {**KINDS, **{kind.name: kind for kind in own}}


def afflicted(blueprint: Blueprint, registry: Registry, kind: Kind) -> tuple[str, ...]:
    """The members that can have a fault of members."""
    ailments = {kind_name(c.name, a): (c.name, a) for c in registry for a in c.ailments}
    members = blueprint.topology.members
    if kind is DISK:
        return tuple(member.name for member in members if data_folder(blueprint, member.name))
    if kind.name not in ailments:
        return tuple(member.name for member in members)
    component, ailment = ailments[kind.name]
    return tuple(
        member.name
        for member in members
        if member.component == component
        and ailment.afflicts(blueprint.bundle_by_machine[member.machine].part(member.name))
    )


def kind_name(component: str, ailment: Ailment) -> str:
    """What an ailment is called everywhere outside of its component."""
    return f"{component}-{ailment.name}"


def _kind(component: str, ailment: Ailment) -> Kind:
    def compose(_name: str, fault: Fault, blueprint: Blueprint, _surveys: Surveys) -> Pieces:
        members = blueprint.topology.member_by_name
        return [(members[m].machine, Piece(inject=ailment.inject, heal=ailment.heal)) for m in fault.targets]

    return Kind(
        name=kind_name(component, ailment),
        level=Level.MEMBER,
        summary=ailment.summary,
        compose=compose,
        spares_primary=ailment.spares_primary,
    )
