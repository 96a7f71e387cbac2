"""The timeline of one trial as shapes of an SVG: values that a template only writes down."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from outlast.proof.experiment import Beat, Trial
from outlast.proof.report.wording import seconds

STEPS, SMALL_STEPS = 240, 72
LANE, ANSWERS, BETWEEN = 64.0, 20.0, 18.0
TOP, BOTTOM = 30.0, 24.0
TICKS = 9
BEFORE, AFTER = 2.0, 6.0
"""Seconds shown before the first event and after the last one."""
SLACK = 1e-6
LETTER = 6.2
"""Units: a letter of a mark's label is so wide, at most."""


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a place. `row` says how far up it stands, so that neighbours do not write over each other."""

    x: float
    text: str
    row: int = 0


@dataclass(frozen=True, slots=True)
class Lane:
    """What clients of one kind got: `done` and `failed` are areas that stand on `base`; `slowest` an area below it that
    hangs from `base`, as deep as the slowest answer was long. `peak` is done in a second at the top, `slow` the slowest
    answer (s) at the bottom."""

    name: str
    top: float
    base: float
    done: str
    failed: str
    slowest: str
    peak: str
    slow: str
    failures: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """`silence` is (x, width) of the outage, `outage` its label."""

    width: float
    height: float
    lanes: tuple[Lane, ...]
    ticks: tuple[Label, ...]
    marks: tuple[Label, ...]
    silence: tuple[float, float] | None
    outage: str


def timeline(trial: Trial, width: float = 960.0) -> Timeline | None:
    """The large picture. None: nothing was recorded."""
    scale = _scale(trial, width)
    if scale is None:
        return None
    lanes = _lanes(trial, scale, STEPS)
    if not lanes:
        return None
    marks = tuple(_marks(trial, scale))
    top = TOP + 14.0 * max((mark.row for mark in marks), default=0)
    each = LANE + ANSWERS + BETWEEN
    drawn = tuple(_lane(name, beats, scale, top + each * index, LANE) for index, (name, beats) in enumerate(lanes))
    height = top + each * len(lanes) + BOTTOM
    return Timeline(width, height, drawn, tuple(scale.ticks()), marks, _silence(trial, scale), seconds(trial.outage))


def small(trial: Trial, width: float = 200.0, height: float = 44.0) -> Timeline | None:
    """The small picture: all lanes over each other, without answers. None: nothing was recorded."""
    scale = _scale(trial, width)
    if scale is None:
        return None
    lanes = (_lane(name, beats, scale, 2.0, height - 4.0) for name, beats in _lanes(trial, scale, SMALL_STEPS))
    marks = tuple(Label(scale.x(at), what) for at, what in trial.marks if scale.since <= at <= scale.until)
    drawn = tuple(lanes)
    return Timeline(width, height, drawn, (), marks, _silence(trial, scale), seconds(trial.outage)) if drawn else None


@dataclass(frozen=True, slots=True)
class _Scale:
    """From seconds to units of the picture."""

    since: float
    until: float
    width: float

    def x(self, at: float) -> float:
        """Where a moment stands; what is outside stands at the edge."""
        share = (at - self.since) / (self.until - self.since)
        return round(min(max(share, 0.0), 1.0) * self.width, 1)

    def ticks(self) -> Iterator[Label]:
        """Round seconds, not more of them than fit."""
        step = next(step for step in _steps() if (self.until - self.since) / step <= TICKS)
        for index in range(int(self.since // step), int(self.until // step) + 1):
            if self.since <= index * step <= self.until:
                yield Label(self.x(index * step), f"{index * step:+g} s" if index else "0")


def _steps() -> Iterator[float]:
    power = 0.1
    while True:
        yield from (power, 2 * power, 5 * power)
        power *= 10


def _scale(trial: Trial, width: float) -> _Scale | None:
    """From a little before the first thing that happened to a little after the last one: trials go on for long until
    all is there again, and most of that time there is nothing to see."""
    beats = [beat for _, lane in trial.lanes for beat in lane]
    if not beats:
        return None
    events = [0.0, *(at for at, _ in trial.marks), *(trial.silence or ())]
    events += [at for beat in beats if beat.failed for at in (beat.at, beat.at + beat.width)]
    since = max(min(beat.at for beat in beats), min(events) - BEFORE)
    until = min(max(beat.at + beat.width for beat in beats), max(events) + AFTER)
    return _Scale(since, until, width) if since < until else None


def _lanes(trial: Trial, scale: _Scale, steps: int) -> list[tuple[str, list[Beat]]]:
    """The beats of the picture, lane by lane."""
    seen = ((name, [b for b in lane if scale.since <= b.at < scale.until - SLACK]) for name, lane in trial.lanes)
    return [(name, _fewer(beats, steps)) for name, beats in seen if beats]


def _fewer(beats: Sequence[Beat], steps: int) -> list[Beat]:
    """The same beats in at most so many steps: neighbours become one."""
    size = -(-len(beats) // steps)
    groups = (beats[start : start + size] for start in range(0, len(beats), size))
    return [
        Beat(
            group[0].at,
            sum(beat.width for beat in group),
            sum(beat.done for beat in group),
            sum(beat.failed for beat in group),
            max(beat.slowest for beat in group),
        )
        for group in groups
    ]


def _lane(name: str, beats: Sequence[Beat], scale: _Scale, top: float, height: float) -> Lane:
    peak = max(max(beat.done, beat.failed) / beat.width for beat in beats)
    slow = max(beat.slowest for beat in beats)
    base = top + height
    return Lane(
        name=name,
        top=top,
        base=base,
        done=_area(beats, [beat.done / beat.width / (peak or 1) * height for beat in beats], scale, base),
        failed=_area(beats, [beat.failed / beat.width / (peak or 1) * height for beat in beats], scale, base),
        slowest=_area(beats, [-beat.slowest / (slow or 1) * ANSWERS for beat in beats], scale, base),
        peak=f"{peak:,.0f}/s" if peak >= 10 else f"{peak:.1f}/s",
        slow=seconds(slow),
        failures=sum(beat.failed for beat in beats),
    )


def _area(beats: Sequence[Beat], heights: Sequence[float], scale: _Scale, base: float) -> str:
    """Steps that stand on `base`, as an SVG path; empty where there is nothing to see."""
    if not any(heights):
        return ""
    path, level = f"M{scale.x(beats[0].at):g} {base:g}", 0.0
    for beat, height in zip(beats, heights, strict=True):
        if (rounded := round(height, 1)) != level:
            path += f"H{scale.x(beat.at):g}V{base - rounded:g}"
            level = rounded
    end = beats[-1].at + beats[-1].width
    return f"{path}H{scale.x(end):g}V{base:g}Z"


def _marks(trial: Trial, scale: _Scale) -> Iterator[Label]:
    """Marks from left to right, each in the lowest row where it does not stand in another one's text."""
    free: list[float] = []
    for at, what in sorted(trial.marks):
        if scale.since <= at <= scale.until:
            x = scale.x(at)
            row = next((row for row, until in enumerate(free) if until <= x), len(free))
            free[row : row + 1] = [x + LETTER * (len(what) + 2)]
            yield Label(x, what, row)


def _silence(trial: Trial, scale: _Scale) -> tuple[float, float] | None:
    if trial.silence is None:
        return None
    began, ended = (scale.x(at) for at in trial.silence)
    return began, round(max(ended - began, 1.0), 1)
