"""The shape of a running site: machines, members, addresses. A value; `place` makes it, `wire` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Ground:
    """The network of one data centre (CIDR text), given by its provider. Its first host is the gateway."""

    datacenter: str
    network: str


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine that the site wants. `pool` names the machines of one kind in one data centre."""

    name: str
    datacenter: str
    pool: str
    address: str


@dataclass(frozen=True, slots=True)
class Member:
    """One instance of a service. Its name outlives its machine; `index` counts from 1 within its cluster."""

    name: str
    service: str
    component: str
    datacenter: str
    machine: str
    index: int
    ports: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class FloatingAddress:
    """An address of the site that moves between the edge machines of its data centre; `home` holds it by right."""

    address: str
    datacenter: str
    home: str


@dataclass(frozen=True)
class Topology:
    """Everything that is placed. The lists are in a fixed order, so equal sites give equal topologies."""

    site: str
    domain: str
    grounds: tuple[Ground, ...]
    machines: tuple[Machine, ...]
    members: tuple[Member, ...]
    floating: tuple[FloatingAddress, ...]

    @cached_property
    def machine_by_name(self) -> dict[str, Machine]:
        """Machines by their names."""
        return {machine.name: machine for machine in self.machines}

    @cached_property
    def member_by_name(self) -> dict[str, Member]:
        """Members by their names."""
        return {member.name: member for member in self.members}

    @cached_property
    def members_by_machine(self) -> dict[str, tuple[Member, ...]]:
        """The members on each machine, in the topology's order."""
        held: dict[str, list[Member]] = {machine.name: [] for machine in self.machines}
        for member in self.members:
            held[member.machine].append(member)
        return {name: tuple(members) for name, members in held.items()}

    @cached_property
    def clusters(self) -> dict[tuple[str, str], tuple[Member, ...]]:
        """(data centre, service) to its members, by index."""
        held: dict[tuple[str, str], list[Member]] = {}
        for member in self.members:
            held.setdefault((member.datacenter, member.service), []).append(member)
        return {key: tuple(sorted(members, key=lambda member: member.index)) for key, members in held.items()}
