"""Judges a topology by the promises of placement, without any code of placement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from outlast.contract.component import Beside
from outlast.contract.registry import Registry
from outlast.site.schema import Site
from outlast.topology.topology import Topology


def faults(site: Site, registry: Registry, topology: Topology) -> list[str]:
    """Every broken promise, in words; empty: the topology is as it should be."""
    return [
        *_members(site, registry, topology),
        *_seats(topology),
        *_addresses(topology),
        *_floating(topology, registry),
    ]


def moves(before: Topology, after: Topology, registry: Registry) -> list[str]:
    """What still exists and yet changed its machine, address, index or port."""
    found: list[str] = []
    for machine in after.machines:
        old = next((m for m in before.machines if m.name == machine.name), machine)
        found += [f"{machine} had {old.address}"] * (old.address != machine.address)
    for floating in after.floating:
        old_address = next((f.address for f in before.floating if f.home == floating.home), floating.address)
        found += [f"{floating} had {old_address}"] * (old_address != floating.address)
    there = {machine.name for machine in after.machines}
    for member in after.members:
        beside = isinstance(registry[member.component].placement, Beside)
        for old in (m for m in before.members if m.service == member.service and m.machine in there):
            # A member beside others goes with its machine, any other one with its own name.
            same = old.machine == member.machine if beside else old.name == member.name
            if same and (old.name, old.machine, old.index, old.ports) != (
                member.name,
                member.machine,
                member.index,
                member.ports,
            ):
                found.append(f"{old} became {member}")
    return found


def _members(site: Site, registry: Registry, topology: Topology) -> Iterator[str]:
    for datacenter in site.datacenters:
        machines = [machine for machine in topology.machines if machine.datacenter == datacenter]
        for wish in site.wishes:
            component = registry[wish.component]
            members = [m for m in topology.members if (m.datacenter, m.service) == (datacenter, wish.name)]
            if isinstance(component.placement, Beside):
                interface = component.placement.interface
                users = {
                    w.name
                    for w in site.wishes
                    if interface in [need.interface for need in registry[w.component].requires(w.options)]
                }
                homes = {m.machine for m in topology.members if m.datacenter == datacenter and m.service in users}
                if {m.machine for m in members} != homes:
                    yield f"{wish.name} stands beside {members}, not on {homes}"
                wanted = len(homes)
            else:
                pool_name = "node" if site.footprint == "compact" else component.placement.pool
                pool = [machine for machine in machines if machine.pool == pool_name]
                count = component.placement.count
                wanted = len(pool) if count is None else min(len(pool), count(wish.options))
                if not {m.machine for m in members} <= {machine.name for machine in pool}:
                    yield f"{wish.name} left its pool {pool_name}"
                asked = wanted if count is None else count(wish.options)
                # A pool that became too small leaves gaps: whoever has a machine keeps number and machine.
                if len({m.index for m in members}) != wanted or not {m.index for m in members} <= {
                    *range(1, asked + 1)
                }:
                    yield f"{wish.name} is numbered {[m.index for m in members]}"
            if len(members) != wanted:
                yield f"{wish.name} in {datacenter}: {len(members)} members, wanted {wanted}"
            for member in members:
                label = wish.name if component.claim.many else component.name
                if member.name != f"{datacenter}-{label}-{member.index}":
                    yield f"{member} has a strange name"


def _seats(topology: Topology) -> Iterator[str]:
    names = Counter(member.name for member in topology.members)
    yield from (f"{name} is there {count} times" for name, count in names.items() if count > 1)
    seats = Counter((member.service, member.machine) for member in topology.members)
    yield from (f"{seat} is taken {count} times" for seat, count in seats.items() if count > 1)
    known = {machine.name for machine in topology.machines}
    yield from (f"{member.name} has no machine" for member in topology.members if member.machine not in known)
    ports = Counter((m.machine, port) for m in topology.members for _, port in m.ports)
    yield from (f"port {port} is wanted {count} times" for port, count in ports.items() if count > 1)


def _addresses(topology: Topology) -> Iterator[str]:
    networks = {ground.datacenter: IPv4Network(ground.network) for ground in topology.grounds}
    held = [(m.address, m.datacenter) for m in topology.machines]
    held += [(f.address, f.datacenter) for f in topology.floating]
    for address, count in Counter(address for address, _ in held).items():
        if count > 1:
            yield f"{address} is given {count} times"
    for address, datacenter in held:
        network = networks[datacenter]
        # Outside the provider's first ten hosts, and never the broadcast address.
        if IPv4Address(address) not in network or not network[11] <= IPv4Address(address) < network.broadcast_address:
            yield f"{address} does not belong into {network}"


def _floating(topology: Topology, registry: Registry) -> Iterator[str]:
    homes = sorted({member.machine for member in topology.members if registry[member.component].floats})
    if sorted(floating.home for floating in topology.floating) != homes:
        yield f"floating addresses at {[f.home for f in topology.floating]}, wanted at {homes}"
