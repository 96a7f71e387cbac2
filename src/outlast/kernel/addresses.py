"""IPv4 addresses and networks as texts of the site file, checked and in their usual form."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, WithJsonSchema

from outlast.kernel.invalid import Fault

# Room for a few servers at least, and no network that nobody owns whole.
WIDEST, NARROWEST = 8, 29


def check_address(text: str) -> str:
    """`text` itself, when it is an IPv4 address that a machine can have. Raises `Fault`."""
    hint = "write its IPv4 address, such as `10.0.0.11`"
    try:
        address = IPv4Address(text.strip())
    except ValueError:
        why = "names can point elsewhere tomorrow, and the parts of a site know each other by address"
        raise Fault(f"`{text[:60]}` is not an IPv4 address", why, hint) from None
    if address.is_multicast or address.is_loopback or address.is_unspecified or address.is_link_local:
        raise Fault(f"`{address}` is no address of one machine", "others cannot reach it by this address", hint)
    return str(address)


def check_subnet(text: str) -> str:
    """`text` itself, when it is an IPv4 network with room for servers. Raises `Fault`."""
    try:
        network = IPv4Network(text.strip(), strict=False)
    except ValueError:
        why = "a network is an address and the number of bits that all its machines share"
        raise Fault(f"`{text[:60]}` is not an IPv4 network", why, "write it like `10.0.0.0/24`") from None
    if not WIDEST <= network.prefixlen <= NARROWEST:
        why = f"it must have between {WIDEST} and {NARROWEST} bits for the network"
        raise Fault(f"`{text[:60]}` cannot be the network of servers", why, "write it like `10.0.0.0/24`")
    if str(network.network_address) != text.strip().partition("/")[0]:
        why = "it has the address of a machine in place of the network's own"
        raise Fault(f"`{text[:60]}` is not an IPv4 network", why, f"write `{network}`")
    return str(network)


def _schema(words: str, example: str) -> dict[str, Any]:
    return {"type": "string", "examples": [example], "x-words": words}


Address: TypeAlias = Annotated[
    str, AfterValidator(check_address), WithJsonSchema(_schema("an IPv4 address", "10.0.0.11"))
]
Subnet: TypeAlias = Annotated[
    str, AfterValidator(check_subnet), WithJsonSchema(_schema("an IPv4 network", "10.0.0.0/24"))
]
