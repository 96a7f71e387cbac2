"""`writers`: one at any moment, against a definition that tries everything."""

from __future__ import annotations

from itertools import accumulate, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from outlast.proof.checkers import writers
from outlast.proof.history import History, Kind, Operation
from outlast.proof.verdict import Judgement
from tests.proof.made import EMPTY, UNKNOWN, append, did, of


def wrote(*each: tuple[str, float, float]) -> History:
    """Writes as (member, began, ended)."""
    return of(*(append(f"{index}", began, ended, server=server) for index, (server, began, ended) in enumerate(each)))


ONE = {
    "one member": wrote(("a", 0, 1), ("a", 2, 3)),
    "one write": wrote(("a", 0, 1)),
    "a switch": wrote(("a", 0, 1), ("a", 2, 3), ("b", 4, 5), ("b", 6, 7)),
    "a switch, while a write was on its way": wrote(("a", 0, 1), ("a", 2, 9), ("b", 4, 5), ("b", 6, 7)),
    "a switch, with writes that waited for it": wrote(("a", 0, 1), ("b", 0, 5), ("a", 2, 3), ("b", 6, 7)),
    "there and back": wrote(("a", 0, 1), ("b", 2, 3), ("b", 4, 5), ("a", 6, 7), ("a", 8, 9)),
    "there and back, once each": wrote(("a", 0, 1), ("b", 2, 3), ("a", 4, 5)),
    "on to a third": wrote(("a", 0, 1), ("b", 2, 3), ("c", 4, 5)),
    "on to a third and back": wrote(("a", 0, 1), ("b", 2, 3), ("c", 4, 5), ("a", 6, 7)),
    "all at once, so nobody knows better": wrote(("a", 0, 9), ("b", 0, 9), ("a", 1, 8), ("b", 1, 8)),
}
TWO = {
    "a third of a second": (wrote(("a", 0, 0.1), ("b", 1, 1.1), ("a", 1.4, 1.5), ("b", 2, 2.1)), 0.3),
    "each in turn": (wrote(("a", 0, 1), ("b", 2, 3), ("a", 4, 5), ("b", 6, 7)), 1.0),
    "the old one goes on": (wrote(("a", 0, 1), ("b", 2, 3), ("a", 4, 5), ("b", 6, 7), ("a", 8, 9), ("b", 10, 11)), 2.0),
    "at the same moments": (wrote(*((member, at, at) for at in (0, 5, 9) for member in "ab")), 4.0),
    "the new one's first write is not its first to end": (
        wrote(("a", 0, 1), ("b", 2, 15), ("b", 4, 5), ("a", 8, 9), ("b", 20, 21), ("a", 30, 31), ("b", 40, 41)),
        12.0,
    ),
    "the old one's first write after is not its first to end": (
        wrote(("a", 0, 1), ("b", 2, 3), ("a", 20, 60), ("a", 22, 23), ("b", 30, 31), ("a", 50, 51)),
        7.0,
    ),
    "a third one beside two": (wrote(("c", 0, 1), ("a", 2, 3), ("b", 4, 5), ("a", 6, 7), ("b", 8, 9)), 1.0),
}


@pytest.mark.parametrize("history", ONE.values(), ids=ONE)
def test_one_writer(history: History) -> None:
    assert writers.overlap(history) is None
    assert writers.check(history).judgement is Judgement.VALID


@pytest.mark.parametrize(("history", "seconds"), TWO.values(), ids=TWO)
def test_two_writers(history: History, seconds: float) -> None:
    found = writers.overlap(history)
    assert found is not None
    assert found.seconds == pytest.approx(seconds)
    assert found.members == ("a", "b")
    assert writers.check(history).judgement is Judgement.INVALID
    assert writers.check(history).evidence
    assert writers.check(history, allowed=seconds + 0.001).judgement is Judgement.VALID
    assert writers.check(history, allowed=seconds - 0.001).judgement is Judgement.INVALID


@pytest.mark.parametrize(
    "history",
    [EMPTY, of(append("a")), of(append("a", outcome=UNKNOWN, server="a")), of(did(Kind.LOOK, "r", server="a"))],
    ids=["nothing", "nobody says who", "nothing acknowledged", "no write"],
)
def test_nobody_knows_who_wrote(history: History) -> None:
    assert writers.check(history).judgement is Judgement.UNKNOWN


def test_only_acknowledged_writes_count() -> None:
    ghosts = [append(f"g{at}", at, at, UNKNOWN, server="b") for at in (0, 5, 9)]
    assert writers.overlap(of(*ghosts, *(append(f"{at}", at, at, server="a") for at in (1, 6, 10)))) is None


moments = some.tuples(some.integers(0, 6), some.integers(0, 3)).map(lambda pair: (pair[0], pair[0] + pair[1]))
writes = some.lists(some.tuples(some.sampled_from("ab"), moments), max_size=5)


@settings(max_examples=300)
@given(writes)
def test_the_overlap_is_the_least_that_explains_the_history(each: list[tuple[str, tuple[int, int]]]) -> None:
    found = writers.overlap(wrote(*((member, *interval) for member, interval in each)))
    assert (found.seconds if found else 0.0) == least(each)


@given(writes, some.integers(0, 5))
def test_more_writes_never_make_it_less(each: list[tuple[str, tuple[int, int]]], kept: int) -> None:
    all_, fewer = (writers.overlap(wrote(*((m, *i) for m, i in those))) for those in (each, each[:kept]))
    assert (all_.seconds if all_ else 0.0) >= (fewer.seconds if fewer else 0.0)


steps = some.lists(some.integers(1, 9), min_size=8, max_size=8).map(lambda each: list(accumulate(each)))


@given(steps)
def test_members_that_take_turns_more_than_there_and_back_overlap(ends: list[int]) -> None:
    turns = zip("abab", ends[::2], ends[1::2], strict=True)
    assert writers.overlap(wrote(*turns)) is not None


@given(steps)
def test_there_and_back_is_no_overlap(ends: list[int]) -> None:
    turns = zip("aaba", ends[::2], ends[1::2], strict=True)
    assert writers.overlap(wrote(*turns)) is None


def least(each: list[tuple[str, tuple[int, int]]]) -> float:
    """All moments at which the writes may have happened, either member as the inner one, and every way to give the
    other one's writes to a stint before and one after: the smallest overlap."""
    found: list[float] = []
    for chosen in product(*(range(began, ended + 1) for _, (began, ended) in each)):
        for inner in "ab":
            held = [at for at, (member, _) in zip(chosen, each, strict=True) if member == inner]
            others = [at for at, (member, _) in zip(chosen, each, strict=True) if member != inner]
            for sides in product((0, 1), repeat=len(others)):
                before, after = (
                    [at for at, side in zip(others, sides, strict=True) if side == half] for half in (0, 1)
                )
                found.append(handed(before, held) + handed(held, after))
    return min(found)


def handed(old: list[int], new: list[int]) -> float:
    return max(0.0, max(old) - min(new)) if old and new else 0.0


def test_the_operations_that_show_it_are_named() -> None:
    found = writers.overlap(wrote(("a", 0, 1), ("b", 2, 3), ("a", 4, 5), ("b", 6, 7)))
    assert found is not None
    assert {operation.server for operation in found.evidence} == {"a", "b"}
    assert all(isinstance(operation, Operation) for operation in found.evidence)
