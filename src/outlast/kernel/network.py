"""Networks and what may be reached in them, as texts of the site file and as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network, ip_network
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

from outlast.kernel.invalid import Fault

ANYWHERE = "0.0.0.0/0"
ANY = "any"
LAB_VENDOR_PORT = 8470
"""Where a lab makes machines for whoever asks from within, at the first address of each of its networks."""


class Transport(StrEnum):
    """What carries an interface."""

    TCP = "tcp"
    UDP = "udp"
    VRRP = "vrrp"
    """Signs of life of floating addresses: IP protocol 112, which has no ports (RFC 5798)."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A port outside the site: `network` is CIDR text, `0.0.0.0/0` when it is anywhere."""

    network: str
    port: int
    transport: Transport = Transport.TCP

    def __str__(self) -> str:
        where = ANY if self.network == ANYWHERE else self.network.removesuffix("/32")
        return f"{where}:{self.port}{'/udp' if self.transport is Transport.UDP else ''}"


_HINT = "write it like `192.0.2.10:443`, `192.0.2.0/24:443`, `any:443` or `192.0.2.53:53/udp`"
_DESTINATION = re.compile(r"(?P<where>[^:\s]+):(?P<port>[0-9]{1,5})(?:/(?P<transport>tcp|udp))?")


def parse_destination(text: object) -> Destination:
    """`ADDRESS:PORT`, with a network or `any` for the address, and `/udp` behind it. Raises `Fault`."""
    if isinstance(text, Destination):
        return text
    match = _DESTINATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise Fault(f"`{str(text)[:60]}` names no destination", "a destination is an address and a port", _HINT)
    port = int(match["port"])
    if not 1 <= port <= 65535:
        raise Fault(f"there is no port {port}", "ports go from 1 to 65535", _HINT)
    where = match["where"]
    network = ANYWHERE if where == ANY else _ipv4(where)
    if network is None:
        why = "names get new addresses at any time, and a firewall knows addresses only"
        raise Fault(f"`{where[:60]}` is not an IPv4 address", why, f"write its address, or `{ANY}:{port}`")
    return Destination(network, port, Transport(match["transport"] or "tcp"))


def check_network(text: str) -> str:
    """The network of a text such as `192.0.2.7` or `2001:db8::/32`, in its usual form. Raises `Fault`."""
    try:
        return str(ip_network(text.strip()))
    except ValueError as error:
        hint = "write it like `192.0.2.0/24`, `192.0.2.7` or `2001:db8::/32`"
        raise Fault(f"`{text[:60]}` is not a network", f"it is an address or a network: {error}", hint) from None


def _ipv4(text: str) -> str | None:
    try:
        return str(IPv4Network(text))
    except ValueError:
        return None


def _schema(words: str, example: str) -> dict[str, Any]:
    return {"type": "string", "examples": [example], "x-words": words}


DestinationText: TypeAlias = Annotated[
    Destination,
    BeforeValidator(parse_destination),
    PlainSerializer(str, return_type=str, when_used="json"),
    WithJsonSchema(_schema("a destination", "192.0.2.10:443")),
]
Network: TypeAlias = Annotated[str, AfterValidator(check_network), WithJsonSchema(_schema("a network", "192.0.2.0/24"))]
