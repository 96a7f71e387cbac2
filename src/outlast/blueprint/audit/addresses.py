"""Addresses and ports: inside their network, and nothing twice."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.interface import Provided
from outlast.contract.registry import Registry
from outlast.kernel.errors import Finding
from outlast.site.schema import Site


def check(site: Site, registry: Registry, blueprint: Blueprint) -> list[Finding]:
    """Addresses used twice or outside their network, and ports that two members want at one address."""
    return [*_addresses(blueprint), *_idle(site, blueprint), *_ports(site, registry, blueprint)]


def _addresses(blueprint: Blueprint) -> list[Finding]:
    topology = blueprint.topology
    networks = {ground.datacenter: IPv4Network(ground.network) for ground in topology.grounds}
    owners: dict[str, str] = {}
    findings: list[Finding] = []
    held = [(m.name, m.datacenter, m.address) for m in topology.machines]
    held += [(f"the floating address of {f.home}", f.datacenter, f.address) for f in topology.floating]
    for owner, datacenter, address in held:
        if IPv4Address(address) not in networks[datacenter]:
            why = f"data centre {datacenter} has the network {networks[datacenter]}"
            findings.append(Finding(owner, f"{address} is outside its network", why, "give it an address inside"))
        if address in owners:
            why = f"{owners[address]} has it already"
            findings.append(Finding(owner, f"{address} is given twice", why, "make the network larger"))
        owners[address] = owner
    return findings


def _idle(site: Site, blueprint: Blueprint) -> list[Finding]:
    """Floating addresses of the owner's that no machine would ever hold."""
    held = {floating.address for floating in blueprint.topology.floating}
    why = "each machine that takes users is the home of one, and there are no more such machines"
    return [
        Finding(f"datacenters.{name}.floating", f"{address} has no home", why, "remove it, or add servers for the edge")
        for name, datacenter in site.datacenters.items()
        for address in datacenter.floating
        if address not in held
    ]


def _ports(site: Site, registry: Registry, blueprint: Blueprint) -> list[Finding]:
    options = {wish.name: wish.options for wish in site.wishes}
    wanted: dict[tuple[str, int], list[tuple[str, Bound]]] = defaultdict(list)
    for member in blueprint.topology.members:
        ports = dict(member.ports)
        for provided in registry[member.component].provides(options[member.service], member.index):
            # Without ports, such as VRRP, there is nothing to want twice.
            if port := ports[provided.interface]:
                wanted[member.machine, port].append((member.service, _bound(provided)))
    paths = {wish.name: f"{wish.section}.{wish.name}" for wish in site.wishes if wish.section != wish.name}
    return [
        Finding(
            # What the owner named is what the owner can change.
            where=next((f"{paths[name]}.port" for name in reversed(services) if name in paths), machine),
            what=f"port {port} is wanted twice on {machine}",
            why=f"{' and '.join(services)} both listen there, and one address has each port once",
            fix="give one of them another `port`, or leave `port` out and Outlast chooses a free one",
        )
        for (machine, port), listeners in wanted.items()
        if len(listeners) > 1 and len(services := _meeting(listeners)) > 1
    ]


class Bound(StrEnum):
    """Which addresses of its machine a member listens at."""

    LOOPBACK = "loopback"
    OWN = "own"
    ALL = "all"


def _bound(provided: Provided) -> Bound:
    # What is meant for the world is asked for under floating addresses too, so it listens at all.
    return Bound.ALL if provided.public else Bound.LOOPBACK if provided.loopback else Bound.OWN


def _meeting(listeners: list[tuple[str, Bound]]) -> list[str]:
    """The services of those that want one port at the same address, each once."""
    meet = [
        first
        for first, bound in listeners
        if any(second != first and (bound is other or Bound.ALL in (bound, other)) for second, other in listeners)
    ]
    return list(dict.fromkeys(meet))
