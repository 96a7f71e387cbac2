from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.contract.changeover import Changeover
from outlast.contract.passage import Counted
from outlast.policy.relief import Tally, bloated, tally, worse

TERMS = Changeover(errors=0.01, slower=3.0, memory=4.0)
WINDOW = 512
MIB = 1 << 20


def counted(requests: int, errors: int = 0, mean: float = 0.0) -> Counted:
    return Counted(True, 0, requests, errors, mean)


def averaged(seconds: list[float]) -> list[Counted]:
    """The counters after each answer, as the edge keeps them: a mean at first, then one that forgets."""
    found, mean = [counted(0)], 0.0
    for number, value in enumerate(seconds, 1):
        mean += (value - mean) / min(number, WINDOW)
        found.append(counted(number, mean=mean))
    return found


@pytest.mark.parametrize(
    ("new", "old", "why"),
    [
        (Tally(100, 10), Tally(1000, 0), "10 of 100 of its answers were errors, 0 of 1000 before"),
        (Tally(3, 3), Tally(), "3 of 3 of its answers were errors, 0 of 0 before"),
        (Tally(2, 2), Tally(1000, 0), ""),
        (Tally(1000, 10), Tally(1000, 0), ""),
        (Tally(100, 50), Tally(1000, 495), ""),
        (Tally(50, 0, 0.4), Tally(500, 0, 0.1), "it answers after 400 ms on average, 100 ms before"),
        (Tally(50, 0, 0.01), Tally(500, 0, 0.002), ""),
        (Tally(10, 0, 4.0), Tally(500, 0, 0.1), ""),
        (Tally(), Tally(500, 0, 0.1), ""),
    ],
)
def test_who_does_worse_goes_back(new: Tally, old: Tally, why: str) -> None:
    assert worse(new, new, old, TERMS) == why


def test_who_was_slow_at_first_stays() -> None:
    cold, old = Tally(60, 0, 0.4), Tally(500, 0, 0.1)
    assert worse(cold, Tally(20, 0, 0.12), old, TERMS) == ""
    assert worse(cold, Tally(2, 0, 0.9), old, TERMS) == "", "too few to be sure of"
    assert worse(cold, Tally(20, 0, 0.4), old, TERMS)


def test_limits_can_be_taken_away() -> None:
    assert worse(Tally(50, 0, 9.0), Tally(50, 0, 9.0), Tally(500, 0, 0.1), Changeover(slower=0)) == ""
    assert bloated(9000 * MIB, 50 * MIB, Changeover(memory=0)) == ""


@pytest.mark.parametrize(
    ("new", "old", "goes"),
    [(500, 100, True), (350, 100, False), (100, 20, False), (900, 0, False)],
)
def test_memory_counts_when_it_is_much_and_much_more(new: int, old: int, goes: bool) -> None:
    assert bool(bloated(new * MIB, old * MIB, TERMS)) is goes


def test_a_counter_that_began_anew_is_read_from_nothing() -> None:
    assert tally(counted(500, 5), counted(20, 1), WINDOW) == Tally(20, 1, 0.0)


@given(
    st.lists(st.floats(0.001, 10.0), min_size=0, max_size=1500),
    st.lists(st.floats(0.001, 10.0), min_size=1, max_size=400),
)
def test_the_mean_since_a_reading_lies_among_what_came_since(before: list[float], since: list[float]) -> None:
    readings = averaged([*before, *since])
    found = tally(readings[len(before)], readings[-1], WINDOW)
    assert found.requests == len(since)
    assert min(since) - 1e-6 <= found.mean <= max(since) + 1e-6


@given(st.lists(st.integers(0, 50), min_size=2, max_size=20))
def test_tallies_add_up(steps: list[int]) -> None:
    totals = [sum(steps[:count]) for count in range(len(steps) + 1)]
    parts = [tally(counted(one, one), counted(other, other), WINDOW) for one, other in pairwise(totals)]
    assert sum(parts, Tally()).requests == totals[-1]
    assert sum(parts, Tally()).errors == totals[-1]
