"""For each machine of a blueprint: what its pulse is asked, who lives there, and who may connect to it. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.firewall import Direction
from outlast.contract.bundle import Bundle, Part
from outlast.contract.registry import Registry
from outlast.contract.scaling import Metric
from outlast.contract.slot import Slot, in_slot
from outlast.controller.beat import Display, Question, Rhythm, request
from outlast.controller.hearing import Tenant
from outlast.kernel.network import Transport
from outlast.topology.topology import Member, Topology


@dataclass(frozen=True, slots=True)
class Listening:
    """One machine. `doors`: by the ports on which others of the site connect to it, who does."""

    address: str
    request: bytes
    tenants: Mapping[str, Tenant]
    doors: Mapping[int, tuple[str, ...]]

    def neighbours(self, port: int) -> tuple[str, ...]:
        """The machines whose firewalls and whose own let a connection to that port through."""
        return self.doors.get(port, ())


def listenings(
    blueprint: Blueprint, registry: Registry, rhythm: Rhythm, metrics: Mapping[str, Metric] | None = None
) -> dict[str, Listening]:
    """One for each machine that has members. `metrics` by the services that scale by one."""
    topology, doors = blueprint.topology, _doors(blueprint)
    found: dict[str, Listening] = {}
    for name, members in topology.members_by_machine.items():
        bundle = blueprint.bundle_by_machine.get(name, Bundle(name, ()))
        parts = {held.member: held.part for held in bundle.parts}
        tenants = {m.name: Tenant(registry[m.component], _unit(parts[m.name])) for m in members if m.name in parts}
        gauges = {member: gauge for member, tenant in tenants.items() if (gauge := tenant.component.gauge)}
        address = topology.machine_by_name[name].address
        metered = {tenant.unit for tenant in tenants.values() if tenant.component.scales and tenant.unit}
        displays = {
            member.name: _display(topology, member, metric, parts[member.name].slot)
            for member in members
            if member.name in parts and (metric := (metrics or {}).get(member.service))
        }
        question = Question(gauges, metered, displays)
        found[name] = Listening(address, request(bundle, question, rhythm), tenants, doors[name])
    return found


def _display(topology: Topology, member: Member, metric: Metric, slot: Slot | None) -> Display:
    port = dict(member.ports)[in_slot(metric.interface, slot) if slot else metric.interface]
    return Display(topology.machine_by_name[member.machine].address, port, topology.domain, metric.path, metric.name)


def _unit(part: Part) -> str:
    return next((service.name for service in part.services if service.enabled), "")


def _doors(blueprint: Blueprint) -> dict[str, dict[int, tuple[str, ...]]]:
    """From the rules of those who connect: each machine's own firewall was made from the same wiring."""
    opens: dict[str, dict[int, list[str]]] = {m.name: defaultdict(list) for m in blueprint.topology.machines}
    names = {machine.address: machine.name for machine in blueprint.topology.machines}
    for firewall in blueprint.firewalls:
        for rule in firewall.rules:
            if rule.direction is Direction.OUT and rule.transport is Transport.TCP:
                for peer in rule.peers:
                    if (name := names.get(peer.network.removesuffix("/32"))) and name != firewall.machine:
                        opens[name][rule.port].append(firewall.machine)
    return {name: {port: tuple(sorted(set(who))) for port, who in ports.items()} for name, ports in opens.items()}
