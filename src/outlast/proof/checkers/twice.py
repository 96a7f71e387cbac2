"""No write is applied twice, and none that certainly failed is there after all."""

from __future__ import annotations

from collections import Counter

from outlast.proof.checkers.evidence import some
from outlast.proof.checkers.final import finals
from outlast.proof.history import History, Kind, Outcome
from outlast.proof.verdict import Judgement, Verdict
from outlast.proof.wording import count

NAME = "twice"


def check(history: History) -> Verdict:
    """In the final READs no row is there more than once, and no row all of whose APPENDs FAILED."""
    appends = history.of(Kind.APPEND)
    failed = {append.key for append in appends if append.outcome is Outcome.FAILED}
    failed -= {append.key for append in appends if append.outcome is not Outcome.FAILED}
    ends = finals(history)
    rows = Counter[str]()
    for final in ends:
        rows |= Counter(final.rows)
    twice = sorted(row for row, times in rows.items() if times > 1)
    ghosts = sorted(failed & rows.keys())
    if twice or ghosts:
        evidence = [f"{row} is there {rows[row]} times" for row in twice]
        evidence += [f"{row} is there, but its client was told that it failed" for row in ghosts]
        because = f"{count(len(twice), 'row')} more than once, {len(ghosts)} that had failed"
        return Verdict(NAME, Judgement.INVALID, because, some(evidence))
    if not ends:
        return Verdict(NAME, Judgement.UNKNOWN, "nobody could read the rows afterwards")
    if not any(append.acknowledged for append in appends):
        return Verdict(NAME, Judgement.UNKNOWN, "no row was acknowledged")
    return Verdict(NAME, Judgement.VALID, f"{count(rows.total(), 'row')}, each of them once")
