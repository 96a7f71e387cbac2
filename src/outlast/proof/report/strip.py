"""Every outage of every trial on one axis, as shapes of an SVG: the distribution, not only its percentiles."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10

from outlast.proof.experiment import Proof, Report, Trial
from outlast.proof.percentile import percentile
from outlast.proof.report.timeline import Label
from outlast.proof.report.wording import seconds

WIDTH, HEIGHT, MARGIN = 600.0, 34.0, 14.0
FIRST = 0.01
"""Seconds: the axis is logarithmic and begins here; what is shorter stands at its beginning."""
RADIUS, TIERS = 3.6, 3


@dataclass(frozen=True, slots=True)
class Dot:
    """One trial. `late`: longer than the objective allows of a single one."""

    x: float
    y: float
    title: str
    late: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """One experiment: its trials, and on the axis its objective and its 95th percentile (None: nobody knows)."""

    dots: tuple[Dot, ...]
    objective: float
    p95: float | None
    unknown: int


@dataclass(frozen=True, slots=True)
class Axis:
    """The common axis of all strips, from `FIRST` to `last` seconds."""

    last: float

    def x(self, value: float) -> float:
        """Where a number of seconds stands."""
        share = log10(min(max(value, FIRST), self.last) / FIRST) / log10(self.last / FIRST)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    @property
    def ticks(self) -> tuple[Label, ...]:
        """1, 2 and 5 of each power of ten; those with 1 bear text."""
        found: list[Label] = []
        for power in range(round(log10(FIRST)), round(log10(self.last)) + 1):
            for leading in (1, 2, 5):
                value = leading * 10.0**power
                if value <= self.last * 1.001:
                    found.append(Label(self.x(value), f"{value:g} s" if leading == 1 else ""))
        return tuple(found)


def axis(report: Report) -> Axis:
    """The axis that all outages of a report fit on, and the twice of each objective."""
    objectives = [2 * proof.experiment.objective.outage for proof in report.proofs]
    outages = [trial.outage for proof in report.proofs for trial in proof.trials if trial.outage is not None]
    largest, last = max((*objectives, *outages), default=1.0), 1.0
    while last < largest:
        last *= 10
    return Axis(last)


def strip(proof: Proof, on: Axis) -> Strip:
    """The strip of one experiment."""
    p95 = percentile([trial.outage for trial in proof.trials], 95)
    limit = proof.experiment.objective.outage
    return Strip(
        dots=tuple(_dots(proof.trials, on, 2 * limit)),
        objective=on.x(limit),
        p95=None if p95 is None else on.x(p95),
        unknown=sum(trial.outage is None for trial in proof.trials),
    )


def _dots(trials: Sequence[Trial], on: Axis, limit: float) -> Iterator[Dot]:
    """Dots that would cover each other are put on tiers around the middle, as far as there are tiers."""
    taken: list[float] = [-WIDTH] * (2 * TIERS + 1)
    # The middle first, then up and down in turn.
    order = sorted(range(len(taken)), key=lambda tier: abs(tier - TIERS))
    known = [(trial, trial.outage) for trial in trials if trial.outage is not None]
    for trial, outage in sorted(known, key=lambda pair: pair[1]):
        x = on.x(outage)
        tier = next((tier for tier in order if x - taken[tier] >= 2 * RADIUS), min(order, key=lambda t: taken[t]))
        taken[tier] = x
        y = HEIGHT / 2 + (tier - TIERS) * (HEIGHT / 2 - RADIUS) / TIERS
        yield Dot(x, round(y, 1), f"trial {trial.number}, {trial.target}: {seconds(outage)}", outage > limit)
