"""Money moves and neither comes nor goes: the sum of all accounts is the same at every moment."""

from __future__ import annotations

from outlast.proof.checkers.evidence import lines
from outlast.proof.checkers.final import number
from outlast.proof.history import History, Kind
from outlast.proof.verdict import Judgement, Verdict
from outlast.proof.wording import count

NAME = "bank"


def check(history: History, expected: int, since: float) -> Verdict:
    """Every acknowledged TOTAL is `expected`, and at least one of them began at `since` (the fault) or later.

    Sums prove nothing where no TRANSFER was acknowledged.
    """
    totals = [total for total in history.of(Kind.TOTAL) if total.acknowledged]
    wrong = [total for total in totals if number(total) not in (None, expected)]
    if wrong:
        because = f"{len(wrong)} of {count(len(totals), 'sum')} are not {expected}"
        return Verdict(NAME, Judgement.INVALID, because, lines(wrong))
    if unreadable := [total for total in totals if number(total) is None]:
        return Verdict(NAME, Judgement.UNKNOWN, f"{count(len(unreadable), 'sum')} cannot be read", lines(unreadable))
    after = sum(total.began >= since for total in totals)
    if not after:
        return Verdict(NAME, Judgement.UNKNOWN, "nobody could add the accounts up after the fault")
    moved = sum(transfer.acknowledged for transfer in history.of(Kind.TRANSFER))
    if not moved:
        return Verdict(NAME, Judgement.UNKNOWN, "no transfer was acknowledged")
    because = f"{count(moved, 'transfer')}, and all {count(len(totals), 'sum')} are {expected}"
    return Verdict(NAME, Judgement.VALID, because)
