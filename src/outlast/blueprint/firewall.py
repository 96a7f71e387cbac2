"""The firewall of each machine, derived from the wiring: who may connect to whom, and because of what. Pure.

Nothing is listed by hand: a rule is there because some member requires an interface that another one provides. What
the wiring cannot know are people who log in, and what the owner lets machines call outside the site.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from typing import Any

from outlast.contract.interface import Endpoint
from outlast.contract.view import NodeView
from outlast.kernel.network import ANYWHERE, LAB_VENDOR_PORT, Transport
from outlast.site.schema import Site
from outlast.topology.topology import Machine, Topology
from outlast.topology.wire import Wiring

MOST_NAMES = 8
"""More are only counted where a rule is put in words."""


class Direction(StrEnum):
    """Whether others connect to the machine, or the machine to others."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: a machine by its name, or a network (CIDR text) that is called as it is written."""

    name: str
    network: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Connections that are allowed; all others are not. `port` is the one that is connected to; 0 with VRRP."""

    direction: Direction
    transport: Transport
    port: int
    peers: tuple[Peer, ...]
    because: str

    @property
    def text(self) -> str:
        """The rule in plain words."""
        port = "" if self.transport is Transport.VRRP else f" {self.port}"
        way = "from" if self.direction is Direction.IN else "to"
        names = [peer.name for peer in self.peers]
        shown = names if len(names) <= MOST_NAMES else [*names[: MOST_NAMES - 1], f"{len(names) - MOST_NAMES + 1} more"]
        who = ", ".join(shown)
        return f"{self.direction} {self.transport}{port} {way} {who}: {self.because}"


@dataclass(frozen=True, slots=True)
class Firewall:
    """The rules of one machine, in a fixed order."""

    machine: str
    rules: tuple[Rule, ...]


Key = tuple[Direction, Transport, int, str]


def firewalls(topology: Topology, wiring: Wiring, views: Mapping[str, NodeView[Any]]) -> tuple[Firewall, ...]:
    """One firewall for each machine. `views` has the view of every member, by its name."""
    allowed: dict[str, dict[Key, dict[Peer, None]]] = {machine.name: defaultdict(dict) for machine in topology.machines}
    for machine, key, peer in (
        *_wired(topology, views),
        *_public(topology, wiring),
        *_calls(topology, wiring),
        *_of_the_site(topology, wiring),
        *_governed(topology, wiring),
    ):
        allowed[machine][key][peer] = None
    return tuple(Firewall(name, _rules(keys)) for name, keys in allowed.items())


def _rules(allowed: Mapping[Key, Iterable[Peer]]) -> tuple[Rule, ...]:
    return tuple(
        Rule(direction, transport, port, tuple(sorted(peers, key=lambda peer: peer.name)), because)
        for (direction, transport, port, because), peers in sorted(allowed.items())
    )


def _wired(topology: Topology, views: Mapping[str, NodeView[Any]]) -> Iterator[tuple[str, Key, Peer]]:
    """Both ends of every requirement that leads from one machine to another."""
    peers = {machine.name: Peer(machine.name, f"{machine.address}/32") for machine in topology.machines}
    for member in topology.members:
        for endpoint in views[member.name].endpoints:
            if endpoint.machine == member.machine:
                continue
            because = _because(member.service, endpoint)
            out = (Direction.OUT, endpoint.transport, endpoint.port, because)
            into = (Direction.IN, endpoint.transport, endpoint.port, because)
            yield member.machine, out, peers[endpoint.machine]
            yield endpoint.machine, into, peers[member.machine]


def _because(service: str, endpoint: Endpoint) -> str:
    whose = "its other members" if endpoint.service == service else endpoint.service
    return f"{service} uses {endpoint.interface} of {whose}"


def _public(topology: Topology, wiring: Wiring) -> Iterator[tuple[str, Key, Peer]]:
    for member in topology.members:
        ports = dict(member.ports)
        for provided in wiring.provided(member):
            if provided.public:
                because = f"{member.service} serves {provided.interface} to the world"
                key = (Direction.IN, provided.transport, ports[provided.interface], because)
                yield member.machine, key, Peer("anywhere", ANYWHERE)


def _calls(topology: Topology, wiring: Wiring) -> Iterator[tuple[str, Key, Peer]]:
    for member in topology.members:
        for call in wiring.calls(member.service):
            key = (Direction.OUT, call.transport, call.port, f"{member.service} calls it")
            yield member.machine, key, _outside(call.network)


def _of_the_site(topology: Topology, wiring: Wiring) -> Iterator[tuple[str, Key, Peer]]:
    said = wiring.site.firewall
    for machine in topology.machines:
        ssh = (Direction.IN, Transport.TCP, ssh_port(wiring.site, machine), "operators log in by SSH")
        for network in said.operators:
            yield machine.name, ssh, _outside(network)
        for call in said.calls:
            key = (Direction.OUT, call.transport, call.port, "the site file lets every machine call it")
            yield machine.name, key, _outside(call.network)


def _governed(topology: Topology, wiring: Wiring) -> Iterator[tuple[str, Key, Peer]]:
    """Whoever governs the site logs in to every other machine of it, and asks its labs for machines."""
    peers = {machine.name: Peer(machine.name, f"{machine.address}/32") for machine in topology.machines}
    for member in topology.members:
        if not wiring.component(member.service).governs:
            continue
        because = f"{member.service} logs in to every machine"
        for machine in topology.machines:
            if machine.name != member.machine:
                port = ssh_port(wiring.site, machine)
                yield member.machine, (Direction.OUT, Transport.TCP, port, because), peers[machine.name]
                yield machine.name, (Direction.IN, Transport.TCP, port, because), peers[member.machine]
        for ground in topology.grounds:
            if wiring.site.datacenters[ground.datacenter].machines == "lab":
                because = f"{member.service} asks the lab for machines"
                vendor = str(IPv4Network(ground.network)[1])
                key = (Direction.OUT, Transport.TCP, LAB_VENDOR_PORT, because)
                yield member.machine, key, Peer(f"the lab of {ground.datacenter}", f"{vendor}/32")


def ssh_port(site: Site, machine: Machine) -> int:
    """Where a machine's sshd listens: what the site file says of its server, or of all of its data centre."""
    datacenter = site.datacenters[machine.datacenter]
    own = (server.port for server in datacenter.servers if server.address == machine.address)
    return next(own, None) or datacenter.port


def _outside(network: str) -> Peer:
    everywhere = {ANYWHERE: "anywhere", "::/0": "anywhere (IPv6)"}
    return Peer(everywhere.get(network, network.removesuffix("/32").removesuffix("/128")), network)
