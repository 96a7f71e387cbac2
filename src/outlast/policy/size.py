"""How many members a load asks for: up at once, down with patience, and no change while the load is unknown."""

from __future__ import annotations

from dataclasses import dataclass, replace

from outlast.contract.scaling import Scaling
from outlast.policy.memory import Ask, Memory
from outlast.policy.observation import LoadSeen
from outlast.policy.signals import signals


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. `lasting`: so long a load must ask for more, because what piles up while a database moves is gone by
    then. `pause`: from a member that went to the next; `hurry`: from the end of a change to a growth, in which what is
    there now shows what it carries; `facts`: older ones are not believed."""

    lasting: float = 1.0
    pause: float = 30.0
    hurry: float = 10.0
    facts: float = 5.0


@dataclass(frozen=True, slots=True)
class Resize:
    """So many members, because of this."""

    service: str
    members: int
    because: str


def resize(
    now: float,
    service: str,
    have: int,
    load: LoadSeen,
    scaling: Scaling,
    memory: Memory,
    pace: Pace | None = None,
) -> tuple[Resize | str | None, Memory]:
    """A change, or what is waited for, or neither; and the memory. `have`: members wanted now, ready or not."""
    if not scaling.least <= have <= scaling.most:
        bound = min(max(have, scaling.least), scaling.most)
        season = f" ({scaling.because})" if scaling.because else ""
        return _changed(Resize(service, bound, f"it may have {scaling.least} to {scaling.most}{season}"), now, memory)
    pace = pace or Pace()
    found = signals(now, have, load, scaling, pace.facts)
    waits = "; ".join(f"{service}: {signal.unknown}" for signal in found if signal.unknown) or None
    asking = [(signal.members, signal.because) for signal in found if signal.members is not None]
    if not asking:
        # Nobody leaves unseen; and what was asked for before says nothing about now.
        return waits, _asked(service, (), memory)
    up, because = max(asking, key=lambda each: each[0])
    down = max(have if signal.enough is None else signal.enough for signal in found)
    asks = _kept((*memory.asks.get(service, ()), Ask(now, up if up > have else down)), now, scaling)
    memory = _asked(service, asks, memory)
    since = now - memory.resized.get(service, float("-inf"))
    if up > have:
        lasts = [ask.members for ask in asks if now - ask.at <= pace.lasting]
        sustained = now - asks[0].at >= pace.lasting and min(lasts) > have
        # As many as were asked for all the time of late: at first a load that leapt has not shown yet how much it is,
        # and the height of a wave is no measure.
        wanted = Resize(service, min(ask.members for ask in asks if now - ask.at <= pace.lasting / 2), because)
        shown = min(since, now - memory.steady) >= pace.hurry
        return _changed(wanted, now, memory) if sustained and shown else (waits, memory)
    most = max(ask.members for ask in asks)
    calm = now - asks[0].at >= scaling.calm
    if most < have and calm and since >= pace.pause:
        why = f"for {scaling.calm:.0f} s {most} would have been enough"
        return _changed(Resize(service, have - 1, why), now, memory)
    return waits, memory


def _kept(asks: tuple[Ask, ...], now: float, scaling: Scaling) -> tuple[Ask, ...]:
    """Those of the calm, and the one before it; of equal ones in a row the first and the last are enough."""
    late = [ask for ask in asks if now - ask.at <= scaling.calm]
    before = [ask for ask in asks if now - ask.at > scaling.calm][-1:]
    kept: list[Ask] = []
    for ask in (*before, *late):
        if len(kept) > 1 and kept[-2].members == kept[-1].members == ask.members:
            kept.pop()
        kept.append(ask)
    return tuple(kept)


def _asked(service: str, asks: tuple[Ask, ...], memory: Memory) -> Memory:
    return replace(memory, asks={**memory.asks, service: asks})


def _changed(change: Resize, now: float, memory: Memory) -> tuple[Resize, Memory]:
    """What was asked for before the change says nothing about the time after it, if it grew."""
    return change, replace(memory, resized={**memory.resized, change.service: now})
