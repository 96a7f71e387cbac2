"""All trials of all experiments that were asked for, one after another, into one report.

Trials are taken in rounds, not experiment by experiment: whatever slows this computer down for a while hits all alike.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from outlast.kernel.errors import OutlastError
from outlast.kernel.events import Emit, Event, Phase
from outlast.proof.experiment import Experiment, Proof, Trial
from outlast.proof.history import History, dump
from outlast.proof.judge import conclude
from outlast.proof.run import Stand, trial
from outlast.proof.verdict import Judgement, Verdict


@dataclass(frozen=True)
class Campaign:
    """What is to be tried how often; `histories` is the folder for what the clients saw, one file for each trial."""

    stand: Stand
    experiments: Sequence[Experiment]
    trials: int
    histories: Path
    emit: Emit

    async def run(self) -> tuple[Proof, ...]:
        """Every trial, and what follows from them. A trial that could not be carried out is unknown, not left out."""
        done: dict[str, list[Trial]] = {experiment.name: [] for experiment in self.experiments}
        for number in range(self.trials):
            for experiment in self.experiments:
                made = await self._trial(experiment, number)
                done[experiment.name].append(made)
                self._say(experiment, made)
        return tuple(conclude(experiment, done[experiment.name]) for experiment in self.experiments)

    async def _trial(self, experiment: Experiment, number: int) -> Trial:
        self.emit(Event(experiment.name, Phase.STARTED, f"trial {number + 1} of {self.trials}: {experiment.summary}"))
        try:
            made, held = await trial(self.stand, experiment, number)
        except OutlastError as error:
            return _failed(number, error)
        self._keep(experiment, number, held)
        return made

    def _keep(self, experiment: Experiment, number: int, held: History) -> None:
        self.histories.mkdir(parents=True, exist_ok=True)
        path = self.histories / f"{experiment.name}-{number + 1}.jsonl.gz"
        with gzip.open(path, "wt", compresslevel=5) as file:
            file.writelines(f"{line}\n" for line in dump(held))

    def _say(self, experiment: Experiment, made: Trial) -> None:
        wrong = [verdict for verdict in made.verdicts if verdict.judgement is not Judgement.VALID]
        outage = "unknown" if made.outage is None else f"{made.outage:.2f} s"
        whole = "not whole again" if made.redundant is None else f"whole after {made.redundant:.1f} s"
        text = f"{made.target}: outage {outage}, {made.errors} errors, {made.lost} lost, {whole}"
        reasons = "".join(f"; {verdict.checker}: {verdict.because}" for verdict in wrong)
        self.emit(Event(experiment.name, Phase.FAILED if wrong else Phase.DONE, text + reasons))


def _failed(number: int, error: OutlastError) -> Trial:
    """A trial that came to no end proves nothing."""
    because = "; ".join(f"{finding.where}: {finding.what} ({finding.why})" for finding in error.findings)
    verdict = Verdict("trial", Judgement.UNKNOWN, because)
    return Trial(number, "", None, None, None, 0, 0, 0, None, (verdict,))


def started() -> str:
    """Now, as reports say it."""
    return datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
