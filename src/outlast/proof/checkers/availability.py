"""How long nobody was served: the longest time between two answers, for each group of clients by itself.

A group is what clients at one source (a machine, or an address that is asked) do of one kind. Two groups never stand in
for each other: a site whose orders wait while its pages load is out for those who order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

from outlast.proof.experiment import Objective, Trial
from outlast.proof.history import History, Kind, Operation
from outlast.proof.percentile import percentile
from outlast.proof.verdict import Judgement, Verdict
from outlast.proof.wording import count

OUTAGE = "outage"
ERRORS = "errors"
IDEMPOTENT = (Kind.BROWSE,)
WRITES = (Kind.ORDER, Kind.APPEND, Kind.UPDATE, Kind.TRANSFER)
SERVED = (Kind.BROWSE, *WRITES)
DEADLINE = 1.0
SINGLE = 2
"""So many times the objective may one single trial take."""


@dataclass(frozen=True, slots=True)
class Gap:
    """The longest time in which one group had no answer."""

    source: str
    kind: Kind
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.ended - self.began


def gaps(
    history: History,
    since: float,
    until: float,
    kinds: Collection[Kind] = SERVED,
    without: Collection[str] = (),
) -> tuple[Gap, ...]:
    """The longest gap of each group within [since, until], longest first; a group is known by any operation, whenever.

    The time from `since` to the first acknowledgement counts, and that from the last one to `until`. `without`: sources
    whose clients were taken away with their machine.
    """
    groups: dict[tuple[str, Kind], list[float]] = {}
    for operation in _of(history, kinds, without):
        answers = groups.setdefault((operation.source, operation.kind), [since])
        if operation.acknowledged and since <= operation.ended <= until:
            answers.append(operation.ended)
    found = [_longest(group, [*answers, until]) for group, answers in groups.items()]
    return tuple(sorted(found, key=lambda gap: (-gap.seconds, gap.source, gap.kind)))


def outage(
    history: History,
    fault_at: float,
    since: float,
    until: float,
    kinds: Collection[Kind] = SERVED,
    without: Collection[str] = (),
) -> Gap | None:
    """The longest gap of all groups within [since, until]. None when it cannot be known: there is no group, or one had
    no operation that ended before the fault."""
    found = gaps(history, since, until, kinds, without)
    began = {(done.source, done.kind) for done in _of(history, kinds, without) if done.ended < fault_at}
    return found[0] if found and all((gap.source, gap.kind) in began for gap in found) else None


def errors(history: History, kinds: Collection[Kind] = IDEMPOTENT, without: Collection[str] = ()) -> int:
    """How many operations were not acknowledged. With `WRITES`: how many writes were not."""
    return sum(not operation.acknowledged for operation in _of(history, kinds, without))


def again(history: History, without: Collection[str] = ()) -> int:
    """How many requests had to be asked twice because their connection broke."""
    return sum(operation.is_repeated for operation in _of(history, IDEMPOTENT, without))


def slow(
    history: History,
    deadline: float = DEADLINE,
    kinds: Collection[Kind] = SERVED,
    without: Collection[str] = (),
) -> int:
    """How many operations were acknowledged, but only after more than `deadline` seconds."""
    took = (done.ended - done.began for done in _of(history, kinds, without) if done.acknowledged)
    return sum(seconds > deadline for seconds in took)


def check(outage: float | None, objective: Objective) -> Verdict:
    """The outage of one trial: at most twice the objective."""
    limit = SINGLE * objective.outage
    if outage is None:
        return Verdict(OUTAGE, Judgement.UNKNOWN, "nobody knows how long the outage was")
    if outage > limit:
        return Verdict(OUTAGE, Judgement.INVALID, f"out for {outage:.3f} s; no single trial may exceed {limit:g} s")
    return Verdict(OUTAGE, Judgement.VALID, f"out for {outage:.3f} s, within {limit:g} s")


def check_all(trials: Sequence[Trial], objective: Objective) -> tuple[Verdict, ...]:
    """The outages of all trials: their 95th percentile (nearest rank) within the objective, the longest within twice
    of it. Then, where the objective names a number of errors, that no trial had more of them."""
    verdicts = [_outages([trial.outage for trial in trials], objective)]
    if objective.errors is not None:
        verdicts.append(_errors(trials, objective.errors))
    return tuple(verdicts)


def _of(history: History, kinds: Collection[Kind], without: Collection[str]) -> list[Operation]:
    return [operation for operation in history.of(*kinds) if operation.source not in without]


def _longest(group: tuple[str, Kind], answers: list[float]) -> Gap:
    began, ended = max(pairwise(answers), key=lambda pair: pair[1] - pair[0])
    return Gap(*group, began, ended)


def _outages(outages: Sequence[float | None], objective: Objective) -> Verdict:
    limit, single = objective.outage, SINGLE * objective.outage
    known = [outage for outage in outages if outage is not None]
    # What nobody knows was at least no time at all: what is too long even so is certainly too long.
    least = percentile([outage or 0.0 for outage in outages], 95) or 0.0
    if least > limit:
        because = f"p95 is {least:.3f} s; the objective is {limit:g} s"
        return Verdict(OUTAGE, Judgement.INVALID, because)
    if known and max(known) > single:
        because = f"one outage was {max(known):.3f} s; no single one may exceed {single:g} s"
        return Verdict(OUTAGE, Judgement.INVALID, because)
    if not known or len(known) < len(outages):
        because = f"the outage of {len(outages) - len(known)} of {count(len(outages), 'trial')} is not known"
        return Verdict(OUTAGE, Judgement.UNKNOWN, because if outages else "there was no trial")
    because = f"p95 {least:.3f} s, the longest {max(known):.3f} s; within {limit:g} s and {single:g} s"
    return Verdict(OUTAGE, Judgement.VALID, because)


def _errors(trials: Sequence[Trial], limit: int) -> Verdict:
    if not trials or not all(trial.acknowledged for trial in trials):
        return Verdict(ERRORS, Judgement.UNKNOWN, "there was no trial, or one in which nothing was answered")
    most = max(trial.errors for trial in trials)
    if most > limit:
        because = f"{count(most, 'request')} failed in trial {next(t.number for t in trials if t.errors == most)}"
        return Verdict(ERRORS, Judgement.INVALID, f"{because}; the objective is {limit}")
    because = f"at most {count(most, 'request')} failed in a trial" if most else "no request failed"
    return Verdict(ERRORS, Judgement.VALID, f"{because}; the objective is {limit}")
