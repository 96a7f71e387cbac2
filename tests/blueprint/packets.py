"""Reads the rules of a machine as the kernel would, as far as the product writes them: knows no code that made them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from outlast.blueprint.blueprint import Blueprint

RULES = "/etc/outlast/firewall/rules.nft"
LINE = re.compile(
    r"(?:(?:ip|ip6) (?P<side>[sd]addr) \{ (?P<networks>[^}]+) \} |meta nfproto (?P<family>ipv[46]) )"
    r"(?:meta l4proto (?P<number>\d+)|(?P<transport>tcp|udp) (?P<end>[sd]port) (?P<port>\d+))"
    r"(?P<ongoing> tcp flags & \(syn\|ack\) != syn)? accept"
)
TRACKED = "meta l4proto udp ct state established accept"


@dataclass(frozen=True)
class Packet:
    """One packet; `first`: of a connection, in TCP's words a lone SYN."""

    source: str
    target: str
    transport: str
    sport: int = 0
    dport: int = 0
    first: bool = True


class Wall:
    """The rules of one machine."""

    def __init__(self, text: str) -> None:
        chains: dict[str, list[str]] = {"accepted_in": [], "accepted_out": []}
        chain = ""
        for line in (line.strip() for line in text.splitlines()):
            if line.startswith("chain "):
                chain = line.split()[1]
            elif line and chain and line[0] not in "#}":
                chains[chain].append(line)
        self.chains = chains

    def lets_in(self, packet: Packet) -> bool:
        """Whether the packet may enter."""
        return any(_accepts(line, packet) for line in self.chains["accepted_in"])

    def lets_out(self, packet: Packet) -> bool:
        """Whether the packet may leave."""
        return any(_accepts(line, packet) for line in self.chains["accepted_out"])


def _accepts(line: str, packet: Packet) -> bool:
    if line == TRACKED:
        return packet.transport == "udp" and not packet.first
    match = LINE.fullmatch(line)
    assert match, f"this reader does not know {line!r}"
    if match["networks"]:
        address = ip_address(packet.source if match["side"] == "saddr" else packet.target)
        if not any(address in ip_network(network) for network in match["networks"].split(", ")):
            return False
    elif match["family"] != f"ipv{ip_address(packet.source).version}":
        return False
    if match["number"]:
        return packet.transport == "vrrp" and match["number"] == "112"
    port = packet.sport if match["end"] == "sport" else packet.dport
    return (
        match["transport"] == packet.transport
        and int(match["port"]) == port
        and not (match["ongoing"] and packet.first)
    )


class Net:
    """All machines of a blueprint, and a world outside."""

    def __init__(self, blueprint: Blueprint) -> None:
        self.walls: dict[str, Wall] = {}
        for bundle in blueprint.bundles:
            address = blueprint.topology.machine_by_name[bundle.machine].address
            text = next(file.content for file in bundle.part("").files if file.path == RULES)
            self.walls[address] = Wall(text)

    def connects(self, source: str, target: str, transport: str, port: int) -> bool:
        """Whether a connection from one address to another comes about: a packet there, and its answer back."""
        there = Packet(source, target, transport, 40000, port)
        back = Packet(target, source, transport, port, 40000, first=False)
        return self._passes(there) and (transport == "vrrp" or self._passes(back))

    def _passes(self, packet: Packet) -> bool:
        source, target = self.walls.get(packet.source), self.walls.get(packet.target)
        return (source is None or source.lets_out(packet)) and (target is None or target.lets_in(packet))
