"""Which databases are possible, and what is said of those that are not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from outlast.components.galera.options import DatabaseOptions
from outlast.kernel.invalid import Fault


@pytest.mark.parametrize(("members", "arbiter"), [(2, True), (3, False), (4, True), (5, False)])
def test_an_arbiter_comes_by_itself_where_votes_would_be_even(members: int, arbiter: bool) -> None:
    options = DatabaseOptions(members=members)
    assert options.has_arbiter is arbiter
    assert options.votes % 2 == 1


@pytest.mark.parametrize(
    ("wish", "word"),
    [
        ({"members": 1}, "one copy"),
        ({"members": 9}, "slows down"),
        ({"members": 2, "arbiter": False}, "even number"),
        ({"members": 3, "arbiter": True}, "even number"),
        ({"timers": {"suspect": "200ms"}}, "three missing"),
        ({"timers": {"suspect": "2s"}}, "cannot agree"),
        ({"timers": {"install": "500ms"}}, "disagree about a third"),
        ({"timers": {"inactive": "1500ms"}}, "comes last"),
    ],
)
def test_an_impossible_database_is_refused_with_a_way_out(wish: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError) as caught:
        DatabaseOptions.model_validate(wish)
    fault = caught.value.errors()[0].get("ctx", {})["error"]
    assert isinstance(fault, Fault)
    assert word in str(fault)
    assert fault.fix
    assert fault.at
