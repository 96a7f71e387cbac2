"""Only one member is the writer at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations

from outlast.proof.checkers.evidence import lines
from outlast.proof.history import History, Kind, Operation
from outlast.proof.verdict import Judgement, Verdict
from outlast.proof.wording import count

NAME = "writers"
WRITES = (Kind.APPEND, Kind.UPDATE, Kind.TRANSFER)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Two members must have been writers at once, for at least so many seconds. `evidence`: pairs of operations, the
    first to end of who took over and the last to begin of who had been taken over from."""

    seconds: float
    members: tuple[str, str]
    evidence: tuple[Operation, ...] = ()


def check(history: History, allowed: float = 0.0) -> Verdict:
    """`overlap` is at most `allowed` seconds. Unknown when nobody says who carried a write out."""
    writes = _writes(history)
    if not writes:
        return Verdict(NAME, Judgement.UNKNOWN, "no acknowledged write says which member carried it out")
    found = overlap(history)
    if found is not None and found.seconds > allowed:
        because = f"{' and '.join(found.members)} were writers at once for at least {found.seconds:.3f} s"
        return Verdict(NAME, Judgement.INVALID, because, lines(found.evidence))
    because = f"{count(len(writes), 'write')} by {', '.join(sorted({write.server for write in writes}))}, never two"
    return Verdict(NAME, Judgement.VALID, because if found is None else f"{because} for longer than {allowed:g} s")


def overlap(history: History) -> Overlap | None:
    """The longest time for which any two members must have been writers at once. None: no two need to have been.

    An acknowledged write happened on its member at some moment from its beginning to its end. A *stint* is a time
    in which one member is the writer; it holds all of its writes. When the role goes from one stint to the next, the
    two overlap from the first write of the new one to the last write of the old one, if that is later.

    A history is that of one fault, so between two members the role goes over and, perhaps, back: one of them (the
    inner one) has one stint, the other one (the outer one) a stint before it, after it, or both. Of all ways to
    choose the moments, the inner member, and which of the outer one's writes belong to which of its stints, that one
    counts in which the overlaps are least together.

    So a clean switch is no overlap, nor is one there and back. A member that writes again after another one took over
    is an overlap as soon as the other one writes after that, too: who takes turns more often than there and back looks
    like two writers, and is called that.
    """
    by: dict[str, list[Operation]] = {}
    for write in _writes(history):
        by.setdefault(write.server, []).append(write)
    pairs = combinations(sorted(by), 2)
    longest = max((_least(pair, by) for pair in pairs), key=lambda found: found.seconds, default=None)
    return longest if longest is not None and longest.seconds > 0 else None


def _writes(history: History) -> list[Operation]:
    return [write for write in history.of(*WRITES) if write.acknowledged and write.server]


def _least(members: tuple[str, str], by: Mapping[str, list[Operation]]) -> Overlap:
    """The best explanation for two members."""
    found = (
        Overlap(
            sum(late.began - early.ended for early, late in pairs),
            members,
            tuple(end for pair in pairs for end in pair),
        )
        for inner, outer in (members, members[::-1])
        for pairs in _divided(by[inner], by[outer])
    )
    return min(found, key=lambda overlap: overlap.seconds)


def _divided(inner: Sequence[Operation], outer: Sequence[Operation]) -> Iterable[list[tuple[Operation, Operation]]]:
    """Every way to divide the outer member's writes into those before and those after: where stints overlap, the
    first end in the new one and the last beginning in the old one, which are the moments that let them overlap least.

    Whatever its first stint ends with, writes that began earlier may belong to it, too, at no cost. So it is enough to
    try each place in the order in which they began.
    """
    first, last = min(inner, key=lambda write: write.ended), max(inner, key=lambda write: write.began)
    ordered = sorted(outer, key=lambda write: write.began)
    soonest = list(accumulate(reversed(ordered), lambda one, other: min(one, other, key=lambda write: write.ended)))
    for place in range(len(ordered) + 1):
        before = [(first, write) for write in ordered[place - 1 : place]]
        after = [(write, last) for write in soonest[len(ordered) - place - 1 : len(ordered) - place]]
        yield [(early, late) for early, late in (*before, *after) if late.began > early.ended]
