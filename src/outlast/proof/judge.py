"""From the history of one trial to its verdicts, and from all trials to one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from outlast.proof.checkers import agree, availability, bank, lost, redundancy, register, stale, twice, writers
from outlast.proof.experiment import Experiment, Proof, Trial
from outlast.proof.history import History, Kind
from outlast.proof.report.beats import beats
from outlast.proof.verdict import Verdict, worst
from outlast.proof.workloads.database import ACCOUNTS, BALANCE

BEFORE = 1.0
"""So much of the time before the fault counts too: the last answer before it is where an outage begins."""
LANES = (Kind.BROWSE, Kind.ORDER, Kind.APPEND)
SHOWN = 10.0
"""Timelines end so long after the healing."""
MOVED = 0.25
"""While writes are moved on purpose, proxies may follow one another within this: each transaction is certified."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a trial besides its history. `without`: sources whose clients do not count; `session`:
    the machine with a session that talks to a member itself (empty: none); `digests`: what the
    rows of each member come to, None where it could not be asked; `busy`: the share of this computer's processors that
    worked."""

    number: int
    target: str
    fault_at: float
    healed_at: float
    ended_at: float
    redundant: float | None
    without: frozenset[str]
    session: str
    digests: Mapping[str, str | None]
    limit: float
    busy: float | None = None


def judge(experiment: Experiment, held: History, seen: Seen) -> Trial:
    """One trial with its verdicts."""
    since = seen.fault_at - BEFORE
    during = availability.outage(held, seen.fault_at, since, seen.healed_at, without=seen.without)
    after = availability.outage(held, seen.fault_at, seen.healed_at, seen.ended_at, without=seen.without)
    # One that began before the healing is an outage of the fault's, however long it lasts.
    whole = availability.outage(held, seen.fault_at, since, seen.ended_at, without=seen.without)
    longest = whole if whole and whole.began < seen.healed_at else during
    outage, back = longest.seconds if longest else None, after.seconds if after else None
    return Trial(
        number=seen.number,
        target=seen.target,
        outage=outage,
        after=back,
        redundant=seen.redundant,
        acknowledged=sum(o.acknowledged for o in held.of(*availability.WRITES)),
        errors=availability.errors(held, without=seen.without),
        slow=availability.slow(held, without=seen.without),
        lost=lost.count_lost(held),
        verdicts=_verdicts(experiment, held, seen, outage, back),
        lanes=beats(held, seen.fault_at, since - 1.0, min(seen.ended_at, seen.healed_at + SHOWN), kinds=LANES),
        silence=(longest.began - seen.fault_at, longest.ended - seen.fault_at) if longest else None,
        marks=tuple((mark.at - seen.fault_at, mark.what) for mark in held.marks),
        busy=seen.busy,
        again=availability.again(held, without=seen.without),
    )


def _verdicts(
    experiment: Experiment, held: History, seen: Seen, outage: float | None, back: float | None
) -> tuple[Verdict, ...]:
    verdicts = [availability.check(outage, experiment.objective)]
    # Whoever returns may cost no more than the fault did.
    verdicts.append(replace(availability.check(back, experiment.objective), checker="return"))
    verdicts.append(redundancy.check(seen.redundant, seen.limit))
    if held.of(Kind.APPEND, Kind.ORDER):
        verdicts.append(lost.check(held))
    if held.of(Kind.APPEND):
        allowed = MOVED if experiment.failure == "planned" else 0.0
        verdicts += [twice.check(held), bank.check(held, ACCOUNTS * BALANCE, seen.fault_at)]
        verdicts += [register.check(held), stale.check(held), writers.check(_through_proxies(held, seen), allowed)]
    if seen.digests:
        verdicts.append(agree.check(seen.digests))
    return tuple(verdicts)


def _through_proxies(held: History, seen: Seen) -> History:
    """Without what a session did after the healing, which talks to a member that is well again, past the proxies."""
    kept = (o for o in held.operations if o.source != seen.session or o.began < seen.healed_at)
    return History(tuple(kept), held.marks)


def conclude(experiment: Experiment, trials: Sequence[Trial]) -> Proof:
    """All trials of one experiment."""
    verdicts = availability.check_all(trials, experiment.objective)
    judgements = [verdict.judgement for held in (verdicts, *(trial.verdicts for trial in trials)) for verdict in held]
    return Proof(experiment, tuple(trials), worst(judgements), verdicts)
