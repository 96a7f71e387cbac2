"""The figures of one experiment over all of its trials, and of a whole report: the one place they are reckoned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outlast.proof.experiment import Proof, Report, Trial
from outlast.proof.percentile import percentile
from outlast.proof.verdict import Judgement


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds and counts; None where nobody knows. `p50`, `p95` and `longest` are of outages, `after` is the longest
    gap from the healing on, `redundant` and `redundant_longest` the median and the longest time until everything was
    there again, `busy` the median share of this computer's processors that worked. Counts are sums over all trials."""

    trials: int
    p50: float | None
    p95: float | None
    longest: float | None
    after: float | None
    redundant: float | None
    redundant_longest: float | None
    acknowledged: int
    errors: int
    again: int
    slow: int
    lost: int | None
    busy: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """A whole report in a few numbers; `busy` as in `Figures`."""

    experiments: int
    proved: int
    trials: int
    acknowledged: int
    lost: int | None
    busy: float | None


def figures(trials: Iterable[Trial]) -> Figures:
    """The figures of these trials."""
    trials = tuple(trials)
    outages = [trial.outage for trial in trials]
    again = [trial.redundant for trial in trials]
    return Figures(
        trials=len(trials),
        p50=percentile(outages, 50),
        p95=percentile(outages, 95),
        longest=percentile(outages, 100),
        after=percentile([trial.after for trial in trials], 100),
        redundant=percentile(again, 50),
        redundant_longest=percentile(again, 100),
        acknowledged=sum(trial.acknowledged for trial in trials),
        errors=sum(trial.errors for trial in trials),
        again=sum(trial.again for trial in trials),
        slow=sum(trial.slow for trial in trials),
        lost=_lost(trials),
        busy=_busy(trials),
    )


def totals(report: Report) -> Totals:
    """The figures of all experiments together."""
    trials = [trial for proof in report.proofs for trial in proof.trials]
    return Totals(
        experiments=len(report.proofs),
        proved=sum(proof.judgement is Judgement.VALID for proof in report.proofs),
        trials=len(trials),
        acknowledged=sum(trial.acknowledged for trial in trials),
        lost=_lost(trials),
        busy=_busy(trials),
    )


def worst_trial(proof: Proof) -> Trial | None:
    """The trial that people should look at first: with writes lost, then with an unknown outage, then with the longest
    one."""
    return max(
        proof.trials,
        key=lambda trial: (trial.lost or 0, trial.outage is None, trial.outage or 0.0, -trial.number),
        default=None,
    )


def _busy(trials: Iterable[Trial]) -> float | None:
    """Of those that know: trials of an older report do not."""
    return percentile([trial.busy for trial in trials if trial.busy is not None], 50)


def _lost(trials: Iterable[Trial]) -> int | None:
    """The certainly lost ones. None: none is certain, and not all trials know."""
    known = [trial.lost for trial in trials]
    certain = sum(lost or 0 for lost in known)
    return certain if certain or (known and None not in known) else None
