"""Who cannot serve without whom: members, what each of them needs, and who meets that need. Pure.

Read from the placed members and from what their components say; knows no rule of placement.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from outlast.contract.interface import Provided, Reach, Required
from outlast.contract.registry import Registry
from outlast.site.schema import Site
from outlast.topology.topology import Member, Topology

EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The members of one service in one data centre, and how many of them must serve so that it does."""

    service: str
    datacenter: str
    members: tuple[Member, ...]
    needed: int
    quorum: bool


@dataclass(frozen=True, slots=True)
class Need:
    """An interface that must be served within a scope: a machine, a data centre, or everywhere.

    `door`: not something that is used, but the way by which users come in.
    """

    interface: str
    scope: str
    door: bool = False


class Dependence:
    """The needs of every member.

    `supports`: the needs that a member helps to meet; `dependents`: the members that cannot serve without;
    `users`: the clusters that can, and would have been glad of it.
    """

    def __init__(self, site: Site, registry: Registry, topology: Topology) -> None:
        self._options = {wish.name: wish.options for wish in site.wishes}
        self._registry = registry
        self._datacenters = tuple(site.datacenters)
        self.machines = topology.machine_by_name
        self.on_machine = topology.members_by_machine
        self.clusters = {key: self._cluster(*key, members) for key, members in sorted(topology.clusters.items())}
        self.providers: dict[Need, list[Member]] = defaultdict(list)
        self.dependents: dict[Need, list[Member]] = defaultdict(list)
        for member in topology.members:
            for need in self._met_by(member):
                self.providers[need].append(member)
        self.users: dict[Need, dict[tuple[str, str], None]] = defaultdict(dict)
        for member in topology.members:
            for need in self._needs(member):
                self.dependents[need].append(member)
            for need in self._wanted(member, optional=True):
                self.users[need][member.datacenter, member.service] = None
        self.supports: dict[str, list[Need]] = defaultdict(list)
        for need in {**self.dependents, **self.users}:
            for provider in self.providers[need]:
                self.supports[provider.name].append(need)

    def cluster(self, member: Member) -> Cluster:
        """The cluster of a member."""
        return self.clusters[member.datacenter, member.service]

    def is_mesh(self, cluster: Cluster) -> bool:
        """Whether every member talks to all its peers."""
        return any(required.reach is Reach.CLUSTER for required in self._requires(cluster.members[0]))

    def unmet(self, member: Member) -> list[Required]:
        """What a member requires and nobody provides, even when nothing is lost."""
        return [
            required
            for required in self._requires(member)
            if required.reach is not Reach.CLUSTER
            and not required.optional
            and Need(required.interface, _scope(member, required.reach)) not in self.providers
        ]

    def _cluster(self, datacenter: str, service: str, members: tuple[Member, ...]) -> Cluster:
        quorum = self._registry[members[0].component].quorum
        return Cluster(service, datacenter, members, len(members) // 2 + 1 if quorum else 1, quorum)

    def _needs(self, member: Member) -> list[Need]:
        """What a member cannot serve without, the way by which users come to it included."""
        doors = [
            Need(provided.interface, member.datacenter, door=True)
            for provided in self._provides(member)
            if provided.http is not None and provided.http.routes
        ]
        # What nobody provides even when all is well cannot be lost: another check speaks of it.
        return [*self._wanted(member, optional=False), *(need for need in doors if need in self.providers)]

    def _wanted(self, member: Member, *, optional: bool) -> list[Need]:
        """What a member requires. Its own peers are left out: how many of them it takes is said by `needed`."""
        wanted = [
            Need(required.interface, _scope(member, required.reach))
            for required in self._requires(member)
            if required.reach is not Reach.CLUSTER and required.optional is optional
        ]
        return [need for need in wanted if need in self.providers]

    def _met_by(self, member: Member) -> list[Need]:
        provided = self._provides(member)
        met = [Need(p.interface, member.machine) for p in provided]
        met += [
            Need(p.interface, scope) for p in provided if not p.loopback for scope in (member.datacenter, EVERYWHERE)
        ]
        if any(p.public for p in provided):
            for required in self._requires(member):
                scopes = self._datacenters if required.reach is Reach.SITE else (member.datacenter,)
                met += [Need(required.interface, scope, door=True) for scope in scopes]
        return met

    def _requires(self, member: Member) -> tuple[Required, ...]:
        return self._registry[member.component].requires(self._options[member.service])

    def _provides(self, member: Member) -> tuple[Provided, ...]:
        return self._registry[member.component].provides(self._options[member.service], member.index)


def _scope(member: Member, reach: Reach) -> str:
    match reach:
        case Reach.MACHINE:
            return member.machine
        case Reach.SITE:
            return EVERYWHERE
        case _:
            return member.datacenter
