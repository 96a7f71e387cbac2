"""Rules as nftables text. Pure.

No connection is tracked: a reply is told by its port and its flags. So a flood fills no table, an address that moves
needs no memory on its new machine, and new rules interrupt nothing. Only answers over UDP, which has no flags, are
matched with what was asked, on machines that ask over UDP at all. Source of the syntax: nft(8).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import TypeVar

from outlast.blueprint.firewall import Direction, Firewall, Rule
from outlast.contract.bundle import File, Part, Service
from outlast.contract.unit import Start, Unit
from outlast.kernel.network import Transport

FRAME = "/etc/outlast/firewall/firewall.nft"
RULES = "/etc/outlast/firewall/rules.nft"
SERVICE = "outlast-firewall.service"
WIDEN = "outlast-firewall-widen.service"
NFT = "/usr/sbin/nft"
# Everything but the first packet of a connection.
ONGOING = "tcp flags & (syn|ack) != syn"
VRRP_PROTOCOL = 112
NEIGHBOURS = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert, mld2-listener-report"
TROUBLE = "destination-unreachable, time-exceeded, parameter-problem"
# Matches and networks that are remembered: those of a data centre are used by one machine after the other.
KEPT_MATCHES, KEPT_NETWORKS = 256, 16_384

N = TypeVar("N", IPv4Network, IPv6Network)


def part(firewall: Firewall, networks: tuple[str, ...]) -> Part:
    """The firewall's files and its service. `networks` are those of the site, inside of which a refusal is said."""
    files = (File(FRAME, _frame(firewall.machine, networks)), File(RULES, _accepted(firewall)))
    services = (
        Service(SERVICE, _unit().text(), reload_on=(FRAME, RULES)),
        Service(WIDEN, _widening().text(), enabled=False),
    )
    return Part(files=files, services=services)


def _unit() -> Unit:
    load = f"{NFT} --file {FRAME}"
    return Unit(
        description="Outlast firewall (nftables), derived from the wiring of the site",
        start=load,
        reload=(load,),
        type=Start.ONESHOT,
        early=True,
        # A server's own rules first: they may begin by removing all others.
        after=("nftables.service",),
        capabilities=("CAP_NET_ADMIN",),
        start_limit=30,
        before_stop=(f"-{NFT} delete table inet outlast",),
        extra=("RemainAfterExit=yes",),
    )


def _widening() -> Unit:
    """Appends the rules to those that hold: nothing that runs loses its way before everything else has changed."""
    return Unit(
        description="lets through what new rules let through, and still what the old ones do",
        start=f"{NFT} --file {RULES}",
        type=Start.ONESHOT,
        capabilities=("CAP_NET_ADMIN",),
        start_limit=30,
    )


def _frame(machine: str, networks: tuple[str, ...]) -> str:
    site = f"{{ {', '.join(networks)} }}"
    return f"""\
# The firewall of {machine}. Written by Outlast; changes are overwritten.
# One transaction: the rules are never half there, and never absent. No other table is touched.
table inet outlast
delete table inet outlast

table inet outlast {{
	chain accepted_in {{
	}}

	chain accepted_out {{
	}}

	chain input {{
		type filter hook input priority filter; policy drop;
		iif lo accept
		icmp type {{ echo-request, echo-reply, {TROUBLE} }} accept
		icmpv6 type {{ echo-request, echo-reply, {TROUBLE}, packet-too-big, {NEIGHBOURS} }} accept
		# The answer to a request for an address, where addresses are given by DHCP.
		meta nfproto ipv4 udp sport 67 udp dport 68 accept
		jump accepted_in
		# Inside the site a refusal is said, so that a mistake is an error at once and not a long wait. Outsiders get
		# silence.
		ip saddr {site} meta l4proto tcp counter reject with tcp reset
		ip saddr {site} counter reject with icmpx port-unreachable
		counter
	}}

	chain output {{
		type filter hook output priority filter; policy drop;
		oif lo accept
		# Whoever speaks of a connection that is not here must hear so at once, and connects anew.
		tcp flags & rst == rst accept
		icmp type {{ echo-reply, {TROUBLE} }} accept
		ip daddr {site} icmp type echo-request accept
		icmpv6 type {{ echo-reply, {TROUBLE}, packet-too-big, {NEIGHBOURS} }} accept
		meta nfproto ipv4 udp sport 68 udp dport 67 accept
		jump accepted_out
		meta l4proto tcp counter reject with tcp reset
		counter reject with icmpx admin-prohibited
	}}
}}

include "{RULES}"
"""


def _accepted(firewall: Firewall) -> str:
    into, out = (
        [line for rule in firewall.rules for line in _lines(rule, direction)]
        for direction in (Direction.IN, Direction.OUT)
    )
    if any(rule.direction is Direction.OUT and rule.transport is Transport.UDP for rule in firewall.rules):
        into.append("# answers over UDP")
        into.append("meta l4proto udp ct state established accept")
    lines = [
        f"# What {firewall.machine} accepts and opens, and why. Written by Outlast; changes are overwritten.",
        "table inet outlast {",
        "\tchain accepted_in {",
        *(f"\t\t{line}" for line in into),
        "\t}",
        "",
        "\tchain accepted_out {",
        *(f"\t\t{line}" for line in out),
        "\t}",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _lines(rule: Rule, chain: Direction) -> list[str]:
    """What a rule adds to one of the two chains: the connections themselves, or what answers them."""
    opens = rule.direction is chain
    match rule.transport:
        case Transport.TCP:
            rest = f"tcp dport {rule.port}" if opens else f"tcp sport {rule.port} {ONGOING}"
        case Transport.UDP if not opens and rule.direction is Direction.OUT:
            return []
        case Transport.UDP:
            rest = f"udp {'dport' if opens else 'sport'} {rule.port}"
        case Transport.VRRP if opens:
            rest = f"meta l4proto {VRRP_PROTOCOL}"
        case Transport.VRRP:
            return []
    side = "saddr" if chain is Direction.IN else "daddr"
    why = f"# {rule.because}{'' if opens else ': answers'}"
    return [why, *(f"{where} {rest} accept" for where in _where(tuple(peer.network for peer in rule.peers), side))]


@lru_cache(maxsize=KEPT_MATCHES)
def _where(networks: tuple[str, ...], side: str) -> tuple[str, ...]:
    """One match for each family of addresses. Thousands of machines have the same peers: kept, not made anew."""
    parsed = [_network(network) for network in networks]
    found: list[str] = []
    for family, name, group in (
        ("ip", "ipv4", _apart([network for network in parsed if isinstance(network, IPv4Network)])),
        ("ip6", "ipv6", _apart([network for network in parsed if isinstance(network, IPv6Network)])),
    ):
        if any(network.prefixlen == 0 for network in group):
            found.append(f"meta nfproto {name}")
        elif group:
            shown = (str(n.network_address) if n.prefixlen == n.max_prefixlen else str(n) for n in group)
            found.append(f"{family} {side} {{ {', '.join(shown)} }}")
    return tuple(found)


@lru_cache(maxsize=KEPT_NETWORKS)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def _apart(networks: Sequence[N]) -> Sequence[N]:
    """Without networks that are inside of others: nft refuses sets with them. Single addresses stay as they are."""
    if all(network.prefixlen == network.max_prefixlen for network in networks):
        return networks
    return list(collapse_addresses(networks))
