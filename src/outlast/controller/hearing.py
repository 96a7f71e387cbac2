"""What one machine's lines amount to: facts with their ages. Pure; `controller/senses.py` hears the lines.

All times are the observer's. A machine's own clock only tells how long before its line something was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from outlast.contract.component import AnyComponent
from outlast.contract.gauge import Load
from outlast.contract.probe import Health, Report
from outlast.controller.beat import Beat
from outlast.controller.observe import understood
from outlast.policy.observation import NEVER, Fact, Known, Unknown


@dataclass(frozen=True, slots=True)
class Tenant:
    """A member on the machine: its component, and the service that it is; empty when there is none to watch."""

    component: AnyComponent
    unit: str


@dataclass(frozen=True, slots=True)
class Word:
    """What a member's probe said that was started at `asked`."""

    report: Report[object]
    asked: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a member's service had used of processors, in seconds, when its machine's clock was at `up`."""

    up: float
    used: float


# Seconds over which what a member uses is averaged: shorter, and a tidying up of its memory would look like load;
# longer, and its start would, when it has long begun to serve.
WINDOW = 5.0


@dataclass(frozen=True, slots=True)
class Hearing:
    """A machine so far. `last` was heard at `heard`. `fell`: when a member's service was seen to have no processes any
    more; gone from here when a probe that was started since has spoken. `readings`: what members used, of
    late; `figures`: what they showed of themselves."""

    heard: float = NEVER
    last: Beat | None = None
    busy: Fact[float] = field(default=Unknown("it has not told yet"))
    words: Mapping[str, Word] = field(default_factory=dict[str, Word])
    fell: Mapping[str, float] = field(default_factory=dict[str, float])
    loads: Mapping[str, Fact[tuple[Load, ...]]] = field(default_factory=dict[str, Fact[tuple[Load, ...]]])
    readings: Mapping[str, tuple[Reading, ...]] = field(default_factory=dict[str, tuple[Reading, ...]])
    figures: Mapping[str, Fact[float]] = field(default_factory=dict[str, Fact[float]])

    def health(self, member: str, now: float, probe: float) -> Fact[Health]:
        """Of one member. A probe's word holds until the next one is due, `probe` seconds later, as long as the machine
        is heard; a service that was seen to lose its processes is ill until a later word says otherwise."""
        if member in self.fell:
            return Known(Health.UNHEALTHY, self.fell[member])
        word = self.words.get(member)
        if word is None:
            return Unknown(f"{self._since(now)}, and its probe has not spoken")
        if word.report.health is Health.UNKNOWN:
            return Unknown(word.report.because)
        return Known(word.report.health, max(word.asked, min(self.heard, word.asked + probe)))

    @property
    def room(self) -> Fact[float]:
        """The share of its memory that is free."""
        if self.last is None or not self.last.memory or self.last.free is None:
            return Unknown("it does not tell")
        return Known(self.last.free / self.last.memory, self.heard)

    def share(self, member: str) -> Fact[float]:
        """The share of the machine's processors that a member used of late."""
        readings = self.readings.get(member, ())
        if self.last is None or len(readings) < 2:
            return Unknown("two lines are needed to tell")
        first, last = readings[0], readings[-1]
        return Known((last.used - first.used) / (last.up - first.up) / self.last.processors, self.heard)

    def _since(self, now: float) -> str:
        return (
            "its machine has not been heard"
            if self.last is None
            else f"its machine was heard {now - self.heard:.0f} s ago"
        )


def hear(before: Hearing, beat: Beat, now: float, tenants: Mapping[str, Tenant]) -> Hearing:
    """What is known with one more line, which came at `now`."""
    if before.last is not None and before.last.boot != beat.boot:
        # What was true before a boot says nothing about the time after it.
        before = Hearing(heard=before.heard)
    words = {
        **before.words,
        **{
            name: Word(understood(tenants[name].component, said.output), now - (beat.up - said.asked))
            for name, said in beat.probes.items()
            if name in tenants
        },
    }
    return Hearing(
        heard=now,
        last=beat,
        busy=_busy(before, beat, now),
        words=words,
        fell=_fell(before, beat, now, words, tenants),
        loads={
            name: _loads(tenants[name].component, text, now) for name, text in beat.gauges.items() if name in tenants
        },
        readings={
            name: _read(before.readings.get(name, ()), beat.up, used)
            for name, tenant in tenants.items()
            if (used := beat.used.get(tenant.unit)) is not None
        },
        figures={
            name: Unknown(shown.why) if shown.value is None else Known(shown.value, now - (beat.up - shown.asked))
            for name, shown in beat.metrics.items()
            if name in tenants
        },
    )


def reduced(hearing: Hearing, tenants: Mapping[str, Tenant]) -> Hearing:
    """The hearing without the members that are no longer on the machine."""
    words = {name: word for name, word in hearing.words.items() if name in tenants}
    return replace(hearing, words=words, fell={name: at for name, at in hearing.fell.items() if name in tenants})


def _busy(before: Hearing, beat: Beat, now: float) -> Fact[float]:
    last = before.last
    if last is None or last.worked is None or beat.worked is None or beat.up <= last.up:
        return Unknown("two lines are needed to tell")
    return Known((beat.worked - last.worked) / (beat.up - last.up) / beat.processors, now)


def _read(before: tuple[Reading, ...], up: float, used: float) -> tuple[Reading, ...]:
    if before and used < before[-1].used:
        # It was started anew, and is counted from nothing.
        before = ()
    return (*(reading for reading in before if up - WINDOW <= reading.up < up), Reading(up, used))


def _fell(
    before: Hearing, beat: Beat, now: float, words: Mapping[str, Word], tenants: Mapping[str, Tenant]
) -> dict[str, float]:
    fell: dict[str, float] = {}
    for name, tenant in tenants.items():
        ran = before.last is not None and before.last.units.get(tenant.unit) is True
        runs = beat.units.get(tenant.unit) is True
        if not runs and (ran or name in before.fell):
            at = now
        elif name in before.fell:
            at = before.fell[name]
        else:
            continue
        # A probe that was started before it fell, or while it was down, and one that was started when it ran again.
        word = words.get(name)
        if word is None or word.asked <= at or word.report.health is Health.UNKNOWN:
            fell[name] = at
    return fell


def _loads(component: AnyComponent, text: str | None, now: float) -> Fact[tuple[Load, ...]]:
    if component.gauge is None or text is None:
        return Unknown("its gauge does not answer")
    try:
        return Known(component.gauge.parse(text), now)
    except Exception as error:  # noqa: BLE001 - a component's parser is anybody's code; it must not end the look
        return Unknown(f"what its gauge shows cannot be read ({type(error).__name__}: {error})")
