"""The size of a service follows its load: up at once, down with patience, never to and fro, never by guesses."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.contract.scaling import Scaling
from outlast.policy.memory import Memory
from outlast.policy.observation import Known, LoadSeen, Unknown
from outlast.policy.size import Resize, resize

SCALING = Scaling(least=2, most=8, capacity=10, target=0.5, calm=300.0)


def follow(
    load: Callable[[float], float | None], seconds: int, have: int = 2, scaling: Scaling = SCALING
) -> list[tuple[int, int]]:
    """(second, members) of each change."""
    memory, changes = Memory(), list[tuple[int, int]]()
    for now in range(seconds + 1):
        busy = load(now)
        seen = LoadSeen(Unknown("nobody measures it") if busy is None else Known(busy, float(now)))
        change, memory = resize(float(now), "web", have, seen, scaling, memory)
        if isinstance(change, Resize):
            have = change.members
            changes.append((now, have))
    return changes


def test_it_grows_to_what_is_needed_as_soon_as_that_lasts() -> None:
    assert follow(lambda now: 5 if now < 10 else 34, 20) == [(11, 7)]


@pytest.mark.parametrize(("busy", "members"), [([5, 14, 19, 24], 4), ([5, 14, 14, 40], 3)], ids=["rise", "wave"])
def test_it_grows_to_what_the_later_half_of_the_look_asked_for_all_the_time(busy: list[float], members: int) -> None:
    memory, sizes = Memory(), list[int]()
    for half, each in enumerate(busy):
        change, memory = resize(half / 2, "web", 2, LoadSeen(Known(each, half / 2)), SCALING, memory)
        sizes += [change.members] if isinstance(change, Resize) else []
    assert sizes == [members]


def test_what_piles_up_while_a_database_moves_is_no_load() -> None:
    assert follow(lambda now: 200 if now == 50 else 5, 100) == []


def test_never_beyond_its_bounds() -> None:
    assert follow(lambda _: 1000, 400) == [(1, 8)]
    assert follow(lambda _: 0, 1000, have=3) == [(300, 2)]
    assert follow(lambda _: 12, 1, have=12) == [(0, 8)]


def test_a_season_that_begins_is_answered_at_once_with_its_name_and_one_that_ends_with_patience() -> None:
    office = Scaling(least=4, most=8, capacity=10, target=0.5, because="mon-fri 08:00-18:00")
    change, memory = resize(0.0, "web", 2, LoadSeen(Known(5, 0.0)), office, Memory())
    assert change == Resize("web", 4, "it may have 4 to 8 (mon-fri 08:00-18:00)")
    # Of unknown load, too: the owner knows what is coming.
    assert resize(0.0, "web", 2, LoadSeen(Unknown("nobody measures it")), office, Memory())[0] == change
    change, _ = resize(30.0, "web", 4, LoadSeen(Known(5, 30.0)), SCALING, memory)
    assert change is None
    assert follow(lambda _: 5, 400, have=4) == [(300, 3), (330, 2)]


def test_it_shrinks_one_after_the_other_after_a_calm() -> None:
    assert follow(lambda now: 34 if now < 100 else 5, 600, have=7) == [(401, 6), (431, 5), (461, 4), (491, 3), (521, 2)]


def test_unknown_load_changes_nothing_and_begins_the_calm_anew() -> None:
    assert follow(lambda _: None, 1000, have=5) == []
    assert follow(lambda now: None if 200 <= now < 210 else 5, 520, have=4)[0] == (510, 3)


def test_a_spare_is_kept() -> None:
    scaling = Scaling(least=2, most=8, capacity=10, target=0.5, spare=1)
    assert follow(lambda _: 14, 5, scaling=scaling) == [(1, 4)]


def test_slow_answers_ask_for_more_but_never_for_more_than_twice_as_many() -> None:
    scaling = Scaling(least=2, most=8, capacity=10, target=0.5, latency=0.5)
    assert slowly(0.7, scaling) == 5
    assert slowly(20.0, scaling) == 6


def slowly(mean: float, scaling: Scaling) -> int:
    """How many members three become whose answers take so long on average."""
    memory, members = Memory(), 3
    for now in (0.0, 1.0, 2.0):
        seen = LoadSeen(Known(10.0, now), mean=Known(mean, now))
        change, memory = resize(now, "web", 3, seen, scaling, memory)
        members = change.members if isinstance(change, Resize) else members
    return members


@given(st.integers(min_value=0, max_value=200), st.integers(min_value=2, max_value=8))
def test_a_steady_load_settles_and_fits(busy: int, have: int) -> None:
    changes = follow(lambda _: float(busy), 900, have=have)
    sizes = [have, *(members for _, members in changes)]
    up = [after > before for before, after in pairwise(sizes)]
    assert sum(a != b for a, b in pairwise(up)) == 0, "no to and fro"
    assert sizes[-1] >= min(8, max(2, math.ceil(busy / 5)))


@given(st.integers(min_value=20, max_value=200), st.floats(min_value=0.0, max_value=0.1))
def test_noise_makes_no_oscillation(busy: int, noise: float) -> None:
    changes = follow(lambda now: busy * (1 + noise * math.sin(now)), 1500)
    sizes = [2, *(members for _, members in changes)]
    assert sum(after < before for before, after in pairwise(sizes)) <= 1
