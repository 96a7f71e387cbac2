"""Names on the box: short enough for the kernel, different for every lab."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from outlast.machines.nspawn.names import Identity

NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,30}", fullmatch=True)


@given(site=NAMES, home=NAMES, name=NAMES)
def test_interfaces_fit_the_kernel(site: str, home: str, name: str) -> None:
    identity = Identity(site, Path("/srv") / home)
    assert len(identity.bridge(name)) <= 15
    assert len(identity.cable(name)) <= 15


@given(site=NAMES, homes=st.lists(NAMES, min_size=2, max_size=2, unique=True), name=NAMES)
def test_two_checkouts_of_one_site_are_two_labs(site: str, homes: list[str], name: str) -> None:
    one, other = (Identity(site, Path("/srv") / home) for home in homes)
    assert one.folder != other.folder
    assert one.cable(name) != other.cable(name)
    assert not one.machine(name).startswith(other.prefix)
