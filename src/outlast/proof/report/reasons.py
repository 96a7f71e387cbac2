"""Why an experiment is judged as it is: the verdicts of its trials, the same ones said once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from outlast.proof.experiment import Proof
from outlast.proof.verdict import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class Reason:
    """A verdict and the trials that it is of; no trials: it is of all of them together."""

    verdict: Verdict
    trials: tuple[int, ...] = ()


def reasons(proof: Proof) -> tuple[Reason, ...]:
    """All verdicts, those over all trials first. Of one checker, valid trials are said once, with the first one's
    sentence, and others once for each sentence."""
    first: dict[tuple[str, str], Verdict] = {}
    trials: dict[tuple[str, str], list[int]] = {}
    for trial in proof.trials:
        for verdict in trial.verdicts:
            key = (verdict.checker, "" if verdict.judgement is Judgement.VALID else verdict.because)
            first.setdefault(key, verdict)
            trials.setdefault(key, []).append(trial.number)
    over_all = [Reason(verdict) for verdict in proof.verdicts]
    return (*over_all, *(Reason(verdict, tuple(trials[key])) for key, verdict in first.items()))


def objections(proof: Proof) -> Iterator[Reason]:
    """Every reason that is not valid."""
    return (reason for reason in reasons(proof) if reason.verdict.judgement is not Judgement.VALID)
