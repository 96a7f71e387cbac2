"""Destinations and networks: what is understood, and what is answered to everything else."""

from __future__ import annotations

import pytest

from outlast.kernel.invalid import Fault
from outlast.kernel.network import ANYWHERE, Destination, Transport, check_network, parse_destination


@pytest.mark.parametrize(
    ("text", "network", "port", "transport"),
    [
        ("192.0.2.10:443", "192.0.2.10/32", 443, Transport.TCP),
        ("192.0.2.10:443/tcp", "192.0.2.10/32", 443, Transport.TCP),
        ("192.0.2.0/24:25", "192.0.2.0/24", 25, Transport.TCP),
        ("any:443", ANYWHERE, 443, Transport.TCP),
        (" 192.0.2.53:53/udp ", "192.0.2.53/32", 53, Transport.UDP),
    ],
)
def test_a_destination_is_an_address_and_a_port(text: str, network: str, port: int, transport: Transport) -> None:
    found = parse_destination(text)
    assert found == Destination(network, port, transport)
    assert parse_destination(str(found)) == found
    assert parse_destination(found) is found


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("pay.example:443", "write its address, or `any:443`"),
        ("192.0.2.300:443", "write its address, or `any:443`"),
        ("192.0.2.1/24:443", "write its address, or `any:443`"),
        ("192.0.2.10", "`192.0.2.10:443`"),
        ("192.0.2.10:0", "`192.0.2.10:443`"),
        ("192.0.2.10:65536", "`192.0.2.10:443`"),
        ("192.0.2.10:53/vrrp", "`192.0.2.10:443`"),
        (443, "`192.0.2.10:443`"),
        (None, "`192.0.2.10:443`"),
    ],
)
def test_what_is_none_is_told_how_to_write_it(text: object, fix: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_destination(text)
    assert fix in caught.value.fix


def test_a_network_is_kept_in_its_usual_form() -> None:
    assert check_network("192.0.2.7") == "192.0.2.7/32"
    assert check_network(" 2001:DB8::/32 ") == "2001:db8::/32"
    for text in ("home", "192.0.2.7/24", ""):
        with pytest.raises(Fault):
            check_network(text)
