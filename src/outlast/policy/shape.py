"""What a policy must know of a site's blueprint: who lives where, and how many of whom can be done without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry


@dataclass(frozen=True, slots=True)
class Cluster:
    """The members of one service in one data centre. `needed`: so many must be well when one of them is taken away on
    purpose; `keeps`: its members hold something that is not anywhere else."""

    service: str
    members: tuple[str, ...]
    needed: int
    keeps: bool


@dataclass(frozen=True)
class Shape:
    """Clusters, and the machine of each member."""

    clusters: tuple[Cluster, ...]
    homes: Mapping[str, str]

    @cached_property
    def machines(self) -> tuple[str, ...]:
        """Every machine that has a member."""
        return tuple(sorted(set(self.homes.values())))

    @cached_property
    def tenants(self) -> dict[str, tuple[str, ...]]:
        """The members on each machine."""
        held: dict[str, list[str]] = {machine: [] for machine in self.machines}
        for member, machine in self.homes.items():
            held[machine].append(member)
        return {machine: tuple(members) for machine, members in held.items()}

    @cached_property
    def cluster_of(self) -> dict[str, Cluster]:
        """The cluster of each member."""
        return {member: cluster for cluster in self.clusters for member in cluster.members}


def shape(blueprint: Blueprint, registry: Registry) -> Shape:
    """The shape of what the blueprint asks for."""
    topology = blueprint.topology
    clusters: list[Cluster] = []
    for (_, service), members in topology.clusters.items():
        component = registry[members[0].component]
        # Whoever votes needs a majority; of all others one must go on serving, where there is another one.
        needed = len(members) // 2 + 1 if component.quorum else min(1, len(members) - 1)
        names = tuple(member.name for member in members)
        clusters.append(Cluster(service, names, needed, component.steward is not None))
    return Shape(tuple(clusters), {member.name: member.machine for member in topology.members})
