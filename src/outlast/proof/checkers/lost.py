"""No acknowledged write is lost: what a client was told is done is still there after the fault."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from outlast.proof.checkers.evidence import lines
from outlast.proof.checkers.final import Final, finals
from outlast.proof.history import History, Kind, Operation, Outcome
from outlast.proof.verdict import Judgement, Verdict
from outlast.proof.wording import count

NAME = "lost"


def check(history: History) -> Verdict:
    """Every acknowledged APPEND is in the final READs; every acknowledged ORDER is found by a FETCH that began later.

    An APPEND that had not ended when the final READ began cannot be judged by it. Of several FETCHes of one token the
    last one counts that knew.
    """
    found = _look(history)
    total = count(len(found.kept) + len(found.lost) + len(found.unseen), "acknowledged write")
    if found.lost:
        return Verdict(NAME, Judgement.INVALID, f"{len(found.lost)} of {total} lost", lines(found.lost))
    if found.unseen:
        because = f"{len(found.unseen)} of {total} could not be looked up afterwards"
        return Verdict(NAME, Judgement.UNKNOWN, because, lines(found.unseen))
    if not found.kept:
        return Verdict(NAME, Judgement.UNKNOWN, "no write was acknowledged")
    return Verdict(NAME, Judgement.VALID, f"{total}, none lost")


def count_lost(history: History) -> int | None:
    """How many acknowledged writes are certainly lost; None when `check` says unknown."""
    found = _look(history)
    return len(found.lost) if found.lost or (found.kept and not found.unseen) else None


@dataclass(frozen=True, slots=True)
class _Found:
    """Acknowledged writes: still there, certainly not there, and nobody knows."""

    kept: list[Operation] = field(default_factory=list[Operation])
    lost: list[Operation] = field(default_factory=list[Operation])
    unseen: list[Operation] = field(default_factory=list[Operation])


def _look(history: History) -> _Found:
    found = _Found()
    ends = [(final, frozenset(final.rows)) for final in finals(history)]
    for append in _acknowledged(history.of(Kind.APPEND)):
        _place(append, _appended(append, ends), found)
    fetches: dict[str, list[Operation]] = {}
    for fetch in history.of(Kind.FETCH):
        fetches.setdefault(fetch.key, []).append(fetch)
    for order in _acknowledged(history.of(Kind.ORDER)):
        _place(order, _fetched(order, fetches.get(order.key, [])), found)
    return found


def _acknowledged(operations: Iterable[Operation]) -> Iterable[Operation]:
    """The first acknowledged operation of each key."""
    first: dict[str, Operation] = {}
    for operation in operations:
        if operation.acknowledged:
            first.setdefault(operation.key, operation)
    return first.values()


def _appended(append: Operation, ends: list[tuple[Final, frozenset[str]]]) -> bool | None:
    missing = [final for final, rows in ends if append.key not in rows]
    if any(append.ended < final.read.began for final in missing):
        return False
    return True if ends and not missing else None


def _fetched(order: Operation, fetches: list[Operation]) -> bool | None:
    knew = [fetch for fetch in fetches if fetch.began > order.ended and fetch.outcome is not Outcome.UNKNOWN]
    return max(knew, key=lambda fetch: fetch.began).acknowledged if knew else None


def _place(write: Operation, there: bool | None, found: _Found) -> None:
    {True: found.kept, False: found.lost, None: found.unseen}[there].append(write)
