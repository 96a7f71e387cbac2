"""What a policy must know of a site's blueprint: who lives where, and how many of whom can be done without."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Cluster:
    """The members of one service in one data centre. `needed`: so many must be well when one of them is taken away on
    purpose; `keeps`: its members hold something that is not anywhere else; `uses`: services that
    it cannot do without."""

    service: str
    members: tuple[str, ...]
    needed: int
    keeps: bool
    uses: tuple[str, ...] = ()


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
