"""Two reports: what got better, what got worse, and what is only noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from outlast.proof.experiment import Proof, Report
from outlast.proof.report.figures import Figures, figures
from outlast.proof.verdict import Judgement

ENOUGH = 5
"""Trials of each report below which a difference means nothing."""
RANK = {Judgement.INVALID: 0, Judgement.UNKNOWN: 1, Judgement.VALID: 2}


class Turn(StrEnum):
    """Where a figure went. `NOISE`: it differs, but there are fewer than five trials on one side, or what was
    measured on both sides overlaps. `UNKNOWN`: it is not known on one side."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    NOISE = "within noise"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Change:
    """One figure then and now; smaller is better."""

    what: str
    before: float | None
    after: float | None
    turn: Turn

    @property
    def ratio(self) -> float | None:
        """How many times as much it is now. None where one is unknown or it was nothing before."""
        return self.after / self.before if self.before and self.after is not None else None


@dataclass(frozen=True, slots=True)
class Compared:
    """One experiment that both reports have. `changes`: outage p50, p95 and longest, errors in a trial, lost writes,
    redundancy p50 and longest."""

    experiment: str
    judgements: tuple[Judgement, Judgement]
    turn: Turn
    trials: tuple[int, int]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`surroundings` are those that differ, as (name, before, after): times under different ones tell little."""

    compared: tuple[Compared, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    surroundings: tuple[tuple[str, str, str], ...]

    @property
    def worse(self) -> bool:
        """Something certainly got worse."""
        return any(Turn.WORSE in (one.turn, *(change.turn for change in one.changes)) for one in self.compared)


def compare(before: Report, after: Report) -> Comparison:
    """`after` against `before`, experiment by experiment, by their names."""
    then = {proof.experiment.name: proof for proof in before.proofs}
    now = {proof.experiment.name: proof for proof in after.proofs}
    old, new = dict(before.surroundings), dict(after.surroundings)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return Comparison(
        compared=tuple(_compared(then[name], proof) for name, proof in now.items() if name in then),
        only_before=tuple(name for name in then if name not in now),
        only_after=tuple(name for name in now if name not in then),
        surroundings=tuple((name, old.get(name, ""), new.get(name, "")) for name in names),
    )


def _compared(before: Proof, after: Proof) -> Compared:
    old, new = figures(before.trials), figures(after.trials)
    outages = _values([t.outage for t in before.trials]), _values([t.outage for t in after.trials])
    again = _values([t.redundant for t in before.trials]), _values([t.redundant for t in after.trials])
    errors = [float(t.errors) for t in before.trials], [float(t.errors) for t in after.trials]
    changes = (
        _measured("outage p50", old.p50, new.p50, *outages),
        _measured("outage p95", old.p95, new.p95, *outages),
        _measured("outage longest", old.longest, new.longest, *outages),
        _measured("errors in a trial", _mean(errors[0]), _mean(errors[1]), *errors),
        _lost(old, new),
        _measured("redundant p50", old.redundant, new.redundant, *again),
        _measured("redundant longest", old.redundant_longest, new.redundant_longest, *again),
    )
    ranks = RANK[before.judgement], RANK[after.judgement]
    judgements = before.judgement, after.judgement
    return Compared(before.experiment.name, judgements, _turn(-ranks[0], -ranks[1]), (old.trials, new.trials), changes)


def _measured(
    what: str, before: float | None, after: float | None, old: Sequence[float], new: Sequence[float]
) -> Change:
    turn = _turn(before, after)
    if turn in (Turn.BETTER, Turn.WORSE):
        few = min(len(old), len(new)) < ENOUGH
        if few or (min(old) <= max(new) and min(new) <= max(old)):
            turn = Turn.NOISE
    return Change(what, before, after, turn)


def _lost(old: Figures, new: Figures) -> Change:
    """A lost write is never noise."""
    return Change("lost", old.lost, new.lost, _turn(old.lost, new.lost))


def _turn(before: float | None, after: float | None) -> Turn:
    if before is None or after is None:
        return Turn.UNKNOWN
    return Turn.SAME if before == after else Turn.BETTER if after < before else Turn.WORSE


def _values(values: Sequence[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
