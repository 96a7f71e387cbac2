"""What healing must know of a blueprint: who lives where, and how many of whom can be done without. Pure."""

from __future__ import annotations

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry
from outlast.policy.shape import Cluster, Shape


def outline(blueprint: Blueprint, registry: Registry) -> Shape:
    """The shape of a site as its blueprint has it."""
    clusters: list[Cluster] = []
    for (datacenter, service), members in sorted(blueprint.topology.clusters.items()):
        component = registry[members[0].component]
        # Of what has one member only, that one may be taken: it serves nobody while it is ill.
        needed = min(component.needed(len(members)), len(members) - 1)
        names = tuple(member.name for member in members)
        clusters.append(Cluster(f"{datacenter}/{service}", names, needed, keeps=component.steward is not None))
    return Shape(tuple(clusters), {member.name: member.machine for member in blueprint.topology.members})
