"""What a leader remembers outlives it, on whatever clock the next one counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outlast.controller.remembered import dump, parse
from outlast.policy.memory import Ask, Attempt, Ill, LeftAlone, Memory, Verb

MEMORY = Memory(
    ills={"east-app-1": Ill("its power is off", 95.0)},
    tried={"east-app-1": (Attempt(Verb.START, 90.0, 150.0), Attempt(Verb.START, 60.0, 120.0))},
    under_way={"east-app-1": Attempt(Verb.START, 90.0, 150.0)},
    quarantined={"east-web-2": LeftAlone("it is not healthy", 50.0, 97.0)},
    asks={"east/web": (Ask(70.0, 3), Ask(99.0, 2))},
    resized={"east/web": 80.0},
    looked=99.5,
    steady=70.0,
)


@given(st.integers(min_value=-1000, max_value=10**6))
def test_ages_are_kept_whatever_the_clock_says(later: int) -> None:
    found = parse(dump(MEMORY, 100.0), float(later))
    assert found.ills["east-app-1"].since == later - 5.0
    assert found.under_way["east-app-1"] == Attempt(Verb.START, later - 10.0, later + 50.0)
    assert parse(dump(found, float(later)), 100.0) == MEMORY


def test_what_never_was_is_remembered_as_that() -> None:
    assert parse(dump(Memory(resized={"east/web": 80.0}), 100.0), 7.0) == Memory(resized={"east/web": -13.0})


def test_what_cannot_be_read_is_no_memory() -> None:
    assert parse(b'{"ills": 3}', 0.0) == Memory()
    assert parse(b"\\xff", 0.0) == Memory()
