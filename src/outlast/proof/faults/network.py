"""Packets that vanish on one machine, as nftables text in a table of the fault's own. Pure.

At the machine's interface, before its firewall and behind it: nobody is told, nothing is refused. The operator's own
SSH connection passes, or the fault could not be healed early. Source of the syntax: nft(8), "netdev".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outlast.contract.ailment import Argv
from outlast.proof.faults.piece import Piece
from outlast.proof.faults.survey import Survey

NFT = "/usr/sbin/nft"
TC = "/usr/sbin/tc"
# numgen counts from 0; this is how fine a share can be told.
PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody whose packets are meant: a machine's own address, and its Ethernet address, which its floating
    addresses share."""

    address: str
    hardware: str


def isolated(fault: str, at: Survey) -> Piece:
    """Nothing gets in or out."""
    return _table(fault, at, ("drop",), ("drop",))


def lossy(fault: str, at: Survey, share: float) -> Piece:
    """This share (0 to 1) of what gets in, and of what gets out, vanishes by chance."""
    lost = round(share * PARTS)
    rule = f"numgen random mod {PARTS} < {lost} drop" if lost < PARTS else "drop"
    return _table(fault, at, (rule,), (rule,))


def parted(fault: str, at: Survey, peers: Sequence[Peer]) -> Piece:
    """Nothing gets in from these or out to them. The same must be done at their end: what somebody sends to a
    floating address can only be told by who sends it."""
    return _table(fault, at, _from(peers, "ip saddr", "ether saddr"), _from(peers, "ip daddr", "ether daddr"))


def deaf(fault: str, at: Survey, peers: Sequence[Peer]) -> Piece:
    """Nothing gets in from these. ARP does: without it the other way would be closed too."""
    return _table(fault, at, _from(peers, "ip saddr", "ether type != arp ether saddr"), ())


def mute(fault: str, at: Survey, peers: Sequence[Peer]) -> Piece:
    """Nothing gets out to these but ARP."""
    return _table(fault, at, (), _from(peers, "ip daddr", "ether type != arp ether daddr"))


def slow(number: int, at: Survey, milliseconds: float) -> Piece:
    """Everything that gets out waits. `number` (1 to 65535) marks the queue as this fault's own."""
    queue: Argv = ("dev", at.interface, "root", "handle", f"{number:x}:")
    return Piece(
        inject=((TC, "qdisc", "add", *queue, "netem", "delay", f"{milliseconds:g}ms"),),
        heal=((TC, "qdisc", "del", *queue),),
    )


def _from(peers: Sequence[Peer], by_address: str, by_hardware: str) -> tuple[str, ...]:
    addresses = ", ".join(sorted(peer.address for peer in peers))
    hardware = ", ".join(sorted(peer.hardware for peer in peers))
    return f"{by_address} {{ {addresses} }} drop", f"{by_hardware} {{ {hardware} }} drop"


def _table(fault: str, at: Survey, into: Sequence[str], out: Sequence[str]) -> Piece:
    name = f"outlast_fault_{fault.replace('-', '_')}"
    rules = [
        f"table netdev {name} {{",
        f"chain into {{ type filter hook ingress device {at.interface} priority 0; policy accept;",
        f"ip saddr {at.operator} tcp dport {at.port} accept",
        f"arp saddr ip {at.hop} accept",
        *into,
        "}",
        f"chain out {{ type filter hook egress device {at.interface} priority 0; policy accept;",
        f"ip daddr {at.operator} tcp sport {at.port} accept",
        f"arp daddr ip {at.hop} accept",
        *out,
        "}",
        "}",
    ]
    return Piece(inject=((NFT, "\n".join(rules)),), heal=((NFT, f"delete table netdev {name}"),))
