"""All trials of all experiments that were asked for, one after another, into one report.

Trials are taken in rounds, not experiment by experiment: whatever slows this computer down for a while hits all alike.
Each is kept the moment it is done, so whoever is interrupted goes on with the next one.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from outlast.kernel.errors import OutlastError
from outlast.kernel.events import Emit, Event, Phase
from outlast.proof.experiment import Experiment, Proof, Trial
from outlast.proof.history import History, dump
from outlast.proof.judge import conclude
from outlast.proof.run import Stand, trial
from outlast.proof.verdict import Judgement, Verdict
from outlast.proof.workloads.database import DatabaseLoad
from outlast.seal import durable


@dataclass(frozen=True, slots=True)
class _Record:
    """A trial as it is kept, and of what."""

    experiment: Experiment
    trial: Trial


_RECORD = TypeAdapter(_Record)


@dataclass(frozen=True)
class Campaign:
    """What is to be tried how often; `folder` keeps each trial, and what its clients saw."""

    stand: Stand
    experiments: Sequence[Experiment]
    trials: int
    folder: Path
    emit: Emit

    async def run(self) -> tuple[Proof, ...]:
        """Every trial, and what follows from them. A trial that could not be carried out is unknown, not left out."""
        done: dict[str, list[Trial]] = {experiment.name: [] for experiment in self.experiments}
        try:
            for number in range(self.trials):
                for experiment in self.experiments:
                    made = self._done(experiment, number) or await self._trial(experiment, number)
                    done[experiment.name].append(made)
        finally:
            await DatabaseLoad(self.stand.blueprint, self.stand.provider, "").remove()
        return tuple(conclude(experiment, done[experiment.name]) for experiment in self.experiments)

    async def _trial(self, experiment: Experiment, number: int) -> Trial:
        self.emit(Event(experiment.name, Phase.STARTED, f"trial {number + 1} of {self.trials}: {experiment.summary}"))
        try:
            made, held = await trial(self.stand, experiment, number, self.emit)
        except OutlastError as error:
            made = _failed(number, error)
            self._say(experiment, made)
            return made
        self._say(experiment, made)
        self._keep(experiment, made, held)
        return made

    def _done(self, experiment: Experiment, number: int) -> Trial | None:
        """The trial as it was kept, when it was one of this very experiment."""
        path = self._path(experiment, number, "json")
        if not path.exists():
            return None
        kept = _RECORD.validate_json(path.read_bytes())
        return kept.trial if kept.experiment == experiment else None

    def _keep(self, experiment: Experiment, made: Trial, held: History) -> None:
        path = self._path(experiment, made.number, "jsonl.gz")
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", compresslevel=5) as file:
            file.writelines(f"{line}\n" for line in dump(held))
        durable.write(self._path(experiment, made.number, "json"), _RECORD.dump_json(_Record(experiment, made)))

    def _path(self, experiment: Experiment, number: int, kind: str) -> Path:
        return self.folder / "trials" / f"{experiment.name}-{number + 1}.{kind}"

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
