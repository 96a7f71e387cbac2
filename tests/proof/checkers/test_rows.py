"""`lost` and `twice`: what is there in the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outlast.proof.checkers import lost, twice
from outlast.proof.history import History, Kind, Operation, Outcome
from outlast.proof.verdict import Judgement
from tests.proof.made import EMPTY, FAILED, OK, UNKNOWN, append, did, of, read


def order(token: str, began: float = 0.0, outcome: Outcome = OK) -> Operation:
    return did(Kind.ORDER, token, began, began + 0.1, outcome)


def fetch(token: str, began: float = 50.0, outcome: Outcome = OK) -> Operation:
    return did(Kind.FETCH, token, began, began + 0.1, outcome)


NOTHING_LOST = {
    "all rows": of(append("a"), append("b", 1), read("a", "b")),
    "an unknown row that is there": of(append("a"), append("b", 1, outcome=UNKNOWN), read("a", "b")),
    "an unknown row that is not": of(append("a"), append("b", 1, outcome=UNKNOWN), read("a")),
    "a failed row that is not": of(append("a"), append("b", 1, outcome=FAILED), read("a")),
    "rows of nobody": of(append("a"), read("a", "z")),
    "only the last read counts": of(append("a"), read(began=50), read("a", began=60)),
    "a later read without an answer": of(append("a"), read("a"), read(began=200, outcome=UNKNOWN)),
    "two reads at once": of(append("a"), read("a"), read("a")),
    "a row while it is read": of(append("a", 0, 101), read("a", began=100)),
    "orders": of(order("a"), order("b"), fetch("a"), fetch("b")),
    "an order at its second try": of(order("a", 0, UNKNOWN), order("a", 1), order("a", 2), fetch("a")),
    "an order found at the second look": of(order("a"), fetch("a", 5, UNKNOWN), fetch("a", 6)),
    "an order not yet seen, then seen": of(order("a"), fetch("a", 5, FAILED), fetch("a", 6)),
    "an order found, then a silence": of(order("a"), fetch("a", 5), fetch("a", 6, UNKNOWN)),
    "an order nobody promised": of(order("a"), order("b", 0, UNKNOWN), fetch("a"), fetch("b", 50, FAILED)),
    "rows and orders": of(append("a"), order("b"), read("a"), fetch("b")),
}
LOST = {
    "one row": (of(append("a"), append("b", 1), read("a")), 1),
    "every row": (of(append("a"), append("b", 1), read()), 2),
    "a row, promised at the second try": (of(append("a", 0, outcome=UNKNOWN), append("a", 1), read()), 1),
    "a row that an earlier read saw": (of(append("a"), read("a", began=50), read(began=60)), 1),
    "a row that one of two reads at once misses": (of(append("a"), read("a"), read()), 1),
    "an order": (of(order("a"), order("b"), fetch("a"), fetch("b", 50, FAILED)), 1),
    "an order seen at first": (of(order("a"), fetch("a", 5), fetch("a", 6, FAILED)), 1),
    "an order, then a silence": (of(order("a"), fetch("a", 5, FAILED), fetch("a", 6, UNKNOWN)), 1),
    "an order, while rows are not known": (of(order("a"), fetch("a", 50, FAILED), append("b")), 1),
    "a row, while orders are not known": (of(order("a"), append("b"), append("c"), read("c")), 1),
}
NOT_KNOWN = {
    "nothing": EMPTY,
    "nothing acknowledged": of(append("a", outcome=UNKNOWN), append("b", outcome=FAILED), read("a")),
    "only a read": of(read("a")),
    "no read": of(append("a")),
    "no answer to the read": of(append("a"), read("a", outcome=UNKNOWN)),
    "a read that failed": of(append("a"), read("a", outcome=FAILED)),
    "a read that is no list": of(append("a"), replace(read(), value="a")),
    "a read of numbers": of(append("a"), replace(read(), value="[1]")),
    "a row that came while it was read": of(append("a", 0, 101), read(began=100)),
    "no fetch": of(order("a")),
    "no answer to the fetch": of(order("a"), fetch("a", 50, UNKNOWN)),
    "a fetch of another": of(order("a"), fetch("b")),
    "one of two not fetched": of(order("a"), order("b"), fetch("a")),
    "a fetch too early": of(order("a", 10), fetch("a", 5)),
    "a fetch too early that found nothing": of(order("a", 10), fetch("a", 5, FAILED)),
    "rows known, orders not": of(append("a"), read("a"), order("b")),
    "orders known, rows not": of(append("a"), order("b"), fetch("b")),
}


@pytest.mark.parametrize("history", NOTHING_LOST.values(), ids=NOTHING_LOST)
def test_nothing_is_lost(history: History) -> None:
    assert lost.check(history).judgement is Judgement.VALID
    assert lost.count_lost(history) == 0


@pytest.mark.parametrize(("history", "number"), LOST.values(), ids=LOST)
def test_something_is_lost(history: History, number: int) -> None:
    verdict = lost.check(history)
    assert verdict.judgement is Judgement.INVALID
    assert len(verdict.evidence) == number
    assert lost.count_lost(history) == number


@pytest.mark.parametrize("history", NOT_KNOWN.values(), ids=NOT_KNOWN)
def test_nobody_knows_what_is_lost(history: History) -> None:
    assert lost.check(history).judgement is Judgement.UNKNOWN
    assert lost.count_lost(history) is None


def test_what_is_lost_is_named_and_counted() -> None:
    verdict = lost.check(of(*(append(f"row-{number:02}", number) for number in range(30)), read("row-00")))
    assert verdict.because == "29 of 30 acknowledged writes lost"
    assert verdict.evidence[0] == "app-1/append append row-01 at 1.000 for 0.000 s: ok"
    assert verdict.evidence[-1] == "and 19 more"


ONCE = {
    "each row once": of(append("a"), append("b"), read("a", "b")),
    "an unknown row": of(append("a"), append("b", outcome=UNKNOWN), read("a", "b")),
    "a failed row that is not there": of(append("a"), append("b", outcome=FAILED), read("a")),
    "a row that failed and was tried again": of(append("a", 0, outcome=FAILED), append("a", 1), read("a")),
    "a row that failed and may have come later": of(
        append("c"), append("a", 0, outcome=FAILED), append("a", 1, outcome=UNKNOWN), read("a", "c")
    ),
    "a lost row is not its business": of(append("a"), append("b"), read("a")),
    "two reads do not make two rows": of(append("a"), read("a"), read("a")),
    "a double read earlier": of(append("a"), read("a", "a", began=50), read("a", began=60)),
}
NOT_ONCE = {
    "a row twice": of(append("a"), append("b"), read("a", "b", "a")),
    "an unknown row twice": of(append("a", outcome=UNKNOWN), read("a", "a")),
    "a row of nobody twice": of(append("a"), read("a", "z", "z")),
    "twice in one of two reads": of(append("a"), read("a"), read("a", "a")),
    "a row that failed": of(append("a"), append("b", outcome=FAILED), read("a", "b")),
    "a row that failed at each try": of(append("b", outcome=FAILED), append("b", 1, outcome=FAILED), read("b")),
}
NOT_KNOWN_ONCE = {
    "nothing": EMPTY,
    "no read": of(append("a")),
    "no answer to the read": of(append("a"), read("a", "a", outcome=UNKNOWN)),
    "nothing acknowledged": of(append("a", outcome=UNKNOWN), read("a")),
    "only a read": of(read("a")),
    "a read that is no list": of(append("a"), replace(read(), value="{}")),
}


@pytest.mark.parametrize("history", ONCE.values(), ids=ONCE)
def test_nothing_is_there_twice(history: History) -> None:
    assert twice.check(history).judgement is Judgement.VALID


@pytest.mark.parametrize("history", NOT_ONCE.values(), ids=NOT_ONCE)
def test_something_is_there_twice_or_should_not_be(history: History) -> None:
    verdict = twice.check(history)
    assert verdict.judgement is Judgement.INVALID
    assert verdict.evidence


@pytest.mark.parametrize("history", NOT_KNOWN_ONCE.values(), ids=NOT_KNOWN_ONCE)
def test_nobody_knows_whether_something_is_there_twice(history: History) -> None:
    assert twice.check(history).judgement is Judgement.UNKNOWN
