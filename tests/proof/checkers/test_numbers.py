"""`bank`, `register` and `stale`: numbers that clients read and write."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outlast.proof.checkers import bank, register, stale
from outlast.proof.history import History, Kind, Operation, Outcome
from outlast.proof.verdict import Judgement
from tests.proof.made import EMPTY, FAILED, OK, UNKNOWN, did, look, of, update


def transfer(began: float = 0.0, outcome: Outcome = OK) -> Operation:
    return did(Kind.TRANSFER, "a>b", began, began + 0.1, outcome)


def total(value: int | str = 100, began: float = 20.0, outcome: Outcome = OK) -> Operation:
    return did(Kind.TOTAL, "", began, began + 0.1, outcome, value=str(value))


BANK = {
    Judgement.VALID: {
        "before and after": of(transfer(), total(began=5), transfer(15), total()),
        "a wrong sum that nobody answered": of(transfer(), total(90, 12, UNKNOWN), total()),
        "a transfer that may have happened": of(transfer(), transfer(9, UNKNOWN), total()),
    },
    Judgement.INVALID: {
        "less": of(transfer(), total(90)),
        "more": of(transfer(), total(110), total(100, 30)),
        "wrong before the fault": of(transfer(), total(99, 5), total()),
        "wrong without an acknowledged transfer": of(transfer(0, UNKNOWN), total(50)),
        "wrong beside one that cannot be read": of(transfer(), total("NULL", 15), total(1)),
    },
    Judgement.UNKNOWN: {
        "nothing": EMPTY,
        "no sum": of(transfer()),
        "no sum after the fault": of(transfer(), total(began=5)),
        "no answer after the fault": of(transfer(), total(began=5), total(100, 20, UNKNOWN)),
        "no transfer": of(total()),
        "no acknowledged transfer": of(transfer(0, FAILED), total()),
        "a sum that cannot be read": of(transfer(), total("NULL", 15), total()),
    },
}
REGISTER = {
    Judgement.VALID: {
        "one after another": of(update(1), update(2, 1), update(3, 2), look(3)),
        "an unknown one that happened": of(update(1), update(2, 1, outcome=UNKNOWN), update(3, 2), look(3)),
        "an unknown one that did not": of(update(1), update(2, 1, outcome=UNKNOWN), look(1)),
        "a failed one": of(update(1), update(2, 1, outcome=FAILED), update(2, 2), look(2)),
        "two registers": of(update(1), update(1, key="s"), look(1), look(1, key="s")),
        "an early look does not count": of(look(0, 0), update(1, 1), look(0, 2), look(1)),
        "a register that nobody wrote": of(update(1), look(1), look(7, key="s")),
        "a register of unknown ones only": of(update(1), look(1), update(1, key="s", outcome=UNKNOWN)),
    },
    Judgement.INVALID: {
        "two wrote the same": of(update(1), update(2, 1), update(2, 2), look(3)),
        "the same, and nobody looked": of(update(1), update(1, 1)),
        "one is gone": of(update(1), update(2, 1), look(1)),
        "all are gone": of(update(1), update(2, 1), look(0)),
        "one more than possible": of(update(1), look(2)),
        "more than the unknown ones explain": of(update(1), update(2, 1, outcome=UNKNOWN), look(3)),
        "a failed one happened": of(update(1), update(2, 1, outcome=FAILED), look(2)),
        "one of two registers": of(update(1), look(1), update(1, key="s"), look(0, key="s")),
        "one of two, the other not known": of(update(1), update(1, key="s"), look(0, key="s")),
    },
    Judgement.UNKNOWN: {
        "nothing": EMPTY,
        "nobody looked": of(update(1)),
        "nobody answered": of(update(1), look(0, outcome=UNKNOWN)),
        "the look was too early": of(update(1), update(2, 200), look(1)),
        "the look overlapped": of(update(1, 0, 101), look(0)),
        "nothing acknowledged": of(update(1, outcome=UNKNOWN), look(1)),
        "a look that is no number": of(update(1), replace(look(1), value="")),
        "an update that is no number": of(replace(update(1), value=""), look(1)),
        "one of two registers": of(update(1), look(1), update(1, key="s")),
    },
}
STALE = {
    Judgement.VALID: {
        "as new as can be": of(update(1), look(1, 1), update(2, 2), look(2, 3)),
        "newer than acknowledged": of(update(1), update(2, 1, outcome=UNKNOWN), look(2, 2)),
        "an update that had not ended": of(update(1), update(2, 1, 5), look(1, 4)),
        "an update that ended as the look began": of(update(1), update(2, 1, 4), look(1, 4)),
        "a stale look that nobody answered": of(update(1), look(0, 1, UNKNOWN), look(1, 2)),
        "a failed update": of(update(1), update(2, 1, outcome=FAILED), look(1, 2)),
        "registers of their own": of(update(1), update(9, key="s"), look(1, 2), look(9, 2, key="s")),
    },
    Judgement.INVALID: {
        "older": of(update(1), update(2, 1), look(1, 3)),
        "nothing yet": of(update(1), look(0, 1)),
        "older than the largest, newer than the last": of(update(5), update(2, 1), look(3, 2)),
        "new at first, then old": of(update(1), update(2, 1), look(2, 2), look(1, 3)),
        "one of two registers": of(update(1), update(9, key="s"), look(1, 2), look(8, 2, key="s")),
    },
    Judgement.UNKNOWN: {
        "nothing": EMPTY,
        "only looks": of(look(0, 0), look(5, 1)),
        "only updates": of(update(1)),
        "looks before updates": of(look(0, 0), update(1, 5)),
        "updates of which nobody knows": of(update(1, outcome=UNKNOWN), look(0, 1)),
        "no look was answered": of(update(1), look(0, 1, UNKNOWN)),
        "looks at another register": of(update(1), look(0, 1, key="s")),
        "a look that is no number": of(update(1), replace(look(1, 1), value="x"), look(1, 2)),
    },
}


def cases(table: dict[Judgement, dict[str, History]]) -> pytest.MarkDecorator:
    listed = [(history, judgement, name) for judgement, those in table.items() for name, history in those.items()]
    names = [f"{judgement}: {name}" for _, judgement, name in listed]
    return pytest.mark.parametrize(("history", "judgement"), [case[:2] for case in listed], ids=names)


@cases(BANK)
def test_bank(history: History, judgement: Judgement) -> None:
    assert bank.check(history, expected=100, since=10.0).judgement is judgement


@cases(REGISTER)
def test_register(history: History, judgement: Judgement) -> None:
    assert register.check(history).judgement is judgement


@cases(STALE)
def test_stale(history: History, judgement: Judgement) -> None:
    assert stale.check(history).judgement is judgement


def test_what_is_wrong_is_shown() -> None:
    assert bank.check(of(transfer(), total(90)), 100, 10.0).because == "1 of 1 sum are not 100"
    verdict = register.check(of(update(1), update(2, 1), look(1)))
    assert verdict.because == "r is 1 after 2 acknowledged and 0 unknown updates"
    assert verdict.evidence == ("app-1/look look r = 1 at 100.000 for 0.100 s: ok",)
    assert stale.check(of(update(1), update(2, 1), look(1, 3))).evidence
