"""What a loss leaves, found the slow and plain way: everything is struck out until nothing more has to be."""

from __future__ import annotations

from outlast.contract.interface import Provided, Reach, Required
from outlast.contract.registry import Registry
from outlast.site.schema import Site
from outlast.topology.topology import Member, Topology


def survivors(site: Site, registry: Registry, topology: Topology, lost: set[str]) -> set[tuple[str, str]]:
    """(data centre, service) of all that go on without the machines `lost`."""
    options = {wish.name: wish.options for wish in site.wishes}

    def provided(member: Member) -> tuple[Provided, ...]:
        return registry[member.component].provides(options[member.service], member.index)

    def required(member: Member) -> tuple[Required, ...]:
        return registry[member.component].requires(options[member.service])

    def reached(member: Member, need: Required, among: set[Member]) -> set[Member]:
        match need.reach:
            case Reach.MACHINE:
                return {m for m in among if m.machine == member.machine and offers(m, need.interface, local=True)}
            case Reach.DATACENTER:
                return {m for m in among if m.datacenter == member.datacenter and offers(m, need.interface)}
            case Reach.SITE:
                return {m for m in among if offers(m, need.interface)}
            case Reach.CLUSTER:
                return set()

    def offers(member: Member, interface: str, *, local: bool = False) -> bool:
        return any(p.interface == interface and (local or not p.loopback) for p in provided(member))

    def doors(member: Member, among: set[Member]) -> set[Member]:
        """The public members that send users to this one."""
        routed = {p.interface for p in provided(member) if p.http and p.http.routes}
        return {
            door
            for door in among
            if any(p.public for p in provided(door))
            and any(r.interface in routed and member in reached(door, r, {member}) for r in required(door))
        }

    everybody = set(topology.members)
    serving = {member for member in everybody if member.machine not in lost}
    while True:
        left = {
            m
            for m in serving
            if all(reached(m, r, serving) or r.optional or not reached(m, r, everybody) for r in required(m))
            and (doors(m, serving) or not doors(m, everybody))
        }
        for cluster in topology.clusters.values():
            present = [m for m in cluster if m in left]
            if registry[cluster[0].component].quorum and 2 * len(present) <= len(cluster):
                left -= set(present)
        if left == serving:
            return {(member.datacenter, member.service) for member in left}
        serving = left
