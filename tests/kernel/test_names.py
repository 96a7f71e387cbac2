"""Names are legal parts of host names, and every refusal proposes one that would do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from outlast.kernel.invalid import Fault
from outlast.kernel.names import (
    AppName,
    DatacenterName,
    PoolName,
    SiteName,
    check_name,
    machine_name,
    member_name,
    propose_name,
)

TYPES: list[tuple[TypeAdapter[str], int]] = [
    (TypeAdapter(SiteName), 20),
    (TypeAdapter(AppName), 20),
    (TypeAdapter(DatacenterName), 12),
    (TypeAdapter(PoolName), 12),
]


def test_composed_names() -> None:
    assert member_name("east", "galera", 2) == "east-galera-2"
    assert machine_name("east", "data", 1) == "east-data-1"


@pytest.mark.parametrize("name", ["a", "web", "web2", "shop-2", "a-b-c", "a" * 20])
def test_good_names(name: str) -> None:
    assert check_name(name, "an app", 20) == name


@pytest.mark.parametrize(
    ("name", "what", "fix"),
    [
        ("My Shop", "`My Shop` cannot name an app", "call it `my-shop`"),
        ("web_app", "`web_app` cannot name an app", "call it `web-app`"),
        ("2web", "`2web` cannot name an app", "call it `web`"),
        ("web-", "`web-` cannot name an app", "call it `web`"),
        ("web--app", "`web--app` cannot name an app", "call it `web-app`"),
        ("web\n", "`web\n` cannot name an app", "call it `web`"),
        ("", "an empty text cannot name an app", "choose a name such as `web` or `shop-2`"),
        ("123", "`123` cannot name an app", "choose a name such as `web` or `shop-2`"),
        ("b" * 50, f"`{'b' * 37}...` cannot name an app", f"call it `{'b' * 20}`"),
    ],
)
def test_bad_names(name: str, what: str, fix: str) -> None:
    with pytest.raises(Fault) as caught:
        check_name(name, "an app", 20)
    assert (caught.value.what, caught.value.fix) == (what, fix)
    assert caught.value.why
    assert caught.value.at == ()


@pytest.mark.parametrize(("adapter", "length"), TYPES)
def test_types_limit_the_length_and_say_so_in_their_schema(adapter: TypeAdapter[str], length: int) -> None:
    assert adapter.validate_python("a" * length) == "a" * length
    with pytest.raises(ValidationError, match=f"may have {length}"):
        adapter.validate_python("a" * (length + 1))
    assert adapter.json_schema()["maxLength"] == length


@given(st.text(max_size=60), st.integers(min_value=1, max_value=20))
def test_every_proposal_is_a_name(text: str, length: int) -> None:
    proposal = propose_name(text, length)
    if proposal:
        assert check_name(proposal, "an app", length) == proposal
    if re.fullmatch(r"[a-z][a-z0-9]*", text) and len(text) <= length:
        assert proposal == text


@given(st.text(alphabet="abz09-A_. \n", max_size=25))
def test_an_accepted_name_is_a_legal_host_name(text: str) -> None:
    try:
        name = check_name(text, "an app", 20)
    except Fault:
        return
    assert name.replace("-", "").isalnum()
    assert name == name.lower()
    assert len(member_name("a" * 12, name, 500)) <= 63
    assert not name.startswith("-")
    assert not name.endswith("-")
