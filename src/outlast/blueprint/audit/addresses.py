"""Addresses and ports: inside their network, and nothing twice."""

from __future__ import annotations

from collections import defaultdict
from ipaddress import IPv4Address, IPv4Network

from outlast.blueprint.blueprint import Blueprint
from outlast.kernel.errors import Finding
from outlast.site.schema import Site


def check(site: Site, blueprint: Blueprint) -> list[Finding]:
    """Addresses used twice or outside their network, and ports that two members of one machine want."""
    return [*_addresses(blueprint), *_ports(site, blueprint)]


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


def _ports(site: Site, blueprint: Blueprint) -> list[Finding]:
    wanted: dict[tuple[str, int], dict[str, None]] = defaultdict(dict)
    for member in blueprint.topology.members:
        for _, port in member.ports:
            wanted[member.machine, port][member.service] = None
    paths = {wish.name: f"{wish.section}.{wish.name}" for wish in site.wishes if wish.section != wish.name}
    return [
        Finding(
            # What the owner named is what the owner can change.
            where=next((f"{paths[name]}.port" for name in reversed(services) if name in paths), machine),
            what=f"port {port} is wanted twice on {machine}",
            why=f"{' and '.join(services)} both listen there, and one address has each port once",
            fix="give one of them another `port`, or leave `port` out and Outlast chooses a free one",
        )
        for (machine, port), services in wanted.items()
        if len(services) > 1
    ]
