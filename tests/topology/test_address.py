"""Addresses: from both ends of a network, kept while they can be, refused when it is full."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.kernel.errors import Invalid
from outlast.topology.address import assign, assign_floating

NAMES = [f"m{number}" for number in range(1, 5)]


def test_machines_rise_from_the_eleventh_host_and_floating_addresses_fall_from_the_last() -> None:
    assert assign("10.0.0.0/24", NAMES[:2], {}) == {"m1": "10.0.0.11", "m2": "10.0.0.12"}
    assert assign_floating("10.0.0.0/24", NAMES[:2], {}) == {"m1": "10.0.0.254", "m2": "10.0.0.253"}


def test_what_is_taken_is_left_out() -> None:
    assert assign("10.0.0.0/24", ["m1"], {}, taken=["10.0.0.11"]) == {"m1": "10.0.0.12"}
    assert assign_floating("10.0.0.0/24", ["m1"], {}, taken=["10.0.0.254"]) == {"m1": "10.0.0.253"}


def test_an_address_is_kept_only_inside_the_network() -> None:
    held = {"m1": "10.0.0.20", "m2": "192.0.2.9"}
    assert assign("10.0.0.0/24", NAMES[:3], held) == {"m1": "10.0.0.20", "m2": "10.0.0.11", "m3": "10.0.0.12"}


def test_a_full_network_is_a_finding_that_counts() -> None:
    assert len(assign("10.0.0.0/28", NAMES, {})) == 4
    with pytest.raises(Invalid) as refused:
        assign("10.0.0.0/28", [*NAMES, "m5"], {})
    finding = refused.value.findings[0]
    assert (finding.where, finding.what) == ("network 10.0.0.0/28", "5 addresses do not fit")
    assert "room for 4" in finding.why
    with pytest.raises(Invalid):
        assign("10.0.0.0/29", ["m1"], {})


@given(st.lists(st.integers(0, 60), unique=True, max_size=25), st.lists(st.integers(0, 60), unique=True, max_size=25))
def test_whoever_stays_keeps_its_address_and_nobody_shares_one(before: list[int], after: list[int]) -> None:
    held = assign("10.0.0.0/26", [str(name) for name in before], {})
    now = assign("10.0.0.0/26", [str(name) for name in after], held)
    assert list(now) == [str(name) for name in after]
    assert len(set(now.values())) == len(now)
    assert all(now[name] == held[name] for name in now if name in held)
