"""No stale read: who looks through the writer's port sees everything that was acknowledged before."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate

from outlast.proof.checkers.evidence import lines
from outlast.proof.checkers.final import number
from outlast.proof.history import History, Kind, Operation
from outlast.proof.verdict import Judgement, Verdict
from outlast.proof.wording import count

NAME = "stale"


def check(history: History) -> Verdict:
    """The number of each acknowledged LOOK is at least the largest of any acknowledged UPDATE of that register that
    ended before the LOOK began.

    Only LOOKs with such an UPDATE count: without any, nothing is known.
    """
    written: dict[str, list[tuple[float, int]]] = {}
    for update in history.of(Kind.UPDATE):
        value = number(update)
        if update.acknowledged and value is not None:
            written.setdefault(update.key, []).append((update.ended, value))
    ends = {key: [ended for ended, _ in those] for key, those in written.items()}
    largest = {key: list(accumulate((value for _, value in those), max)) for key, those in written.items()}
    stale: list[Operation] = []
    unreadable: list[Operation] = []
    judged = 0
    for look in history.of(Kind.LOOK):
        before = bisect_left(ends.get(look.key, []), look.began) if look.acknowledged else 0
        if not before:
            continue
        judged += 1
        value = number(look)
        if value is None:
            unreadable.append(look)
        elif value < largest[look.key][before - 1]:
            stale.append(look)
    if stale:
        because = f"{len(stale)} of {count(judged, 'look')} saw less than was acknowledged before"
        return Verdict(NAME, Judgement.INVALID, because, lines(stale))
    if unreadable:
        return Verdict(NAME, Judgement.UNKNOWN, f"{count(len(unreadable), 'look')} cannot be read", lines(unreadable))
    if not judged:
        return Verdict(NAME, Judgement.UNKNOWN, "nobody looked after an acknowledged update")
    return Verdict(NAME, Judgement.VALID, f"{count(judged, 'look')}, each as new as the last acknowledged update")
