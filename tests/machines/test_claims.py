"""Networks of labs: free ones only, and as many as there are."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.kernel.errors import OutlastError
from outlast.machines.nspawn.claims import CHOICES, free


def network(high: int, low: int, length: int) -> IPv4Network:
    return IPv4Network(f"10.{high}.{low}.0/{length}", strict=False)


NETWORKS = st.builds(network, st.integers(90, 210), st.integers(0, 255), st.integers(15, 24))


@given(start=st.integers(0, 16**6 - 1), used=st.lists(NETWORKS, max_size=40))
def test_a_free_network_overlaps_nothing_in_use(start: int, used: list[IPv4Network]) -> None:
    found = free(start, used)
    assert found.prefixlen == 24
    assert not any(found.overlaps(other) for other in used)
    assert free(start, used) == found


def test_the_last_free_network_is_found_and_then_it_is_said() -> None:
    last = network(137, 5, 24)
    assert free(CHOICES - 1, list(IPv4Network("10.0.0.0/8").address_exclude(last))) == last
    with pytest.raises(OutlastError, match="no network is free"):
        free(0, [IPv4Network("10.0.0.0/8")])
