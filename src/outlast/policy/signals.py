"""What of a load is measured, and how many members each of it asks for. Pure.

Whoever decides grows by the signal that asks for most, and shrinks when all of them allow it. What is unknown asks for
nothing and allows nothing; of what members tell of themselves, those that do tell are enough to grow by.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from outlast.contract.scaling import Metric, Scaling
from outlast.policy.observation import Fact, Known, LoadSeen, Unknown, fresh

# To leave, the load must fit into one member less with room to spare: otherwise it would come back at once.
SLACK = 0.85
# By so much a quotient may be too large because of its digits: what is just at its target asks for nobody more.
EXACT = 1e-9


@dataclass(frozen=True, slots=True)
class Signal:
    """One of them. `members`: so many it asks for, None: it is unknown. `enough`: with so many it would not ask for
    more, None: nobody knows. `because`: what it shows; `unknown`: what of it is not known, empty: nothing."""

    members: int | None
    enough: int | None
    because: str = ""
    unknown: str = ""


def signals(now: float, have: int, load: LoadSeen, scaling: Scaling, age: float) -> tuple[Signal, ...]:
    """All that this service scales by. What was known longer than `age` seconds ago is not believed."""
    found = [_busy(fresh(load.busy, now, age), scaling), *_slow(fresh(load.mean, now, age), have, scaling)]
    if scaling.processor is not None:
        used = {member: fresh(fact, now, age) for member, fact in load.processors.items()}
        found.append(_processor(used, scaling.processor, scaling))
    if scaling.metric is not None:
        shown = {member: fresh(fact, now, age) for member, fact in load.metrics.items()}
        found.append(_metric(shown, scaling.metric, scaling))
    return tuple(found)


def _busy(busy: Fact[float], scaling: Scaling) -> Signal:
    if isinstance(busy, Unknown):
        return Signal(None, None, unknown=f"its load is unknown ({busy.because})")
    each = scaling.capacity * scaling.target
    because = f"{busy.value:.0f} requests at once, and each should serve {each:.0f}"
    return Signal(_wanted(busy.value, each, scaling), _enough(busy.value, each, scaling), because)


def _slow(mean: Fact[float], have: int, scaling: Scaling) -> list[Signal]:
    """Only while it is slow: that nobody knows how long answers take, because nobody asks, keeps no member."""
    if scaling.latency is None or isinstance(mean, Unknown) or mean.value <= scaling.latency:
        return []
    # Twice as many at most: what is slow may be something that more members do not make faster.
    more = _bounded(min(2 * have, math.ceil(have * mean.value / scaling.latency)), scaling)
    because = f"answers take {mean.value:.2f} s on average, and {scaling.latency:g} s is the limit"
    return [Signal(more, more, because)]


def _processor(used: Mapping[str, Fact[float]], target: float, scaling: Scaling) -> Signal:
    told = [fact.value for fact in used.values() if isinstance(fact, Known)]
    mute = _mute(used, "what its members use of their processors")
    if not told:
        return Signal(None, None, unknown=mute)
    because = f"processor {100 * sum(told) / len(told):.0f} % of {100 * target:.0f} %"
    enough = None if mute else _enough(sum(told), target, scaling)
    return Signal(_wanted(sum(told), target, scaling), enough, because, mute)


def _metric(shown: Mapping[str, Fact[float]], metric: Metric, scaling: Scaling) -> Signal:
    told = [fact.value for fact in shown.values() if isinstance(fact, Known)]
    mute = _mute(shown, metric.name)
    if not told:
        return Signal(None, None, unknown=mute)
    # Of what all show alike one is enough; of two moments the one with more of it.
    value, mute = (max(told), "") if metric.shared else (sum(told), mute)
    because = f"{metric.name} {value:g}, and each should have {metric.each:g}"
    enough = None if mute else _enough(value, metric.each, scaling)
    return Signal(_wanted(value, metric.each, scaling), enough, because, mute)


def _mute(facts: Mapping[str, Fact[float]], what: str) -> str:
    """What is unknown, and why, as the first member shows that does not tell; empty: all tell."""
    if not facts:
        return f"{what} is unknown (none of them is there)"
    unknown = ((member, fact.because) for member, fact in sorted(facts.items()) if isinstance(fact, Unknown))
    return next((f"{what} is unknown ({member}: {because})" for member, because in unknown), "")


def _wanted(value: float, each: float, scaling: Scaling) -> int:
    """How many members it takes when each should have so much of it."""
    return _bounded(math.ceil(value / each - EXACT), scaling)


def _enough(value: float, each: float, scaling: Scaling) -> int:
    return _wanted(value, each * SLACK, scaling)


def _bounded(members: int, scaling: Scaling) -> int:
    return min(max(members + scaling.spare, scaling.least), scaling.most)
