"""How many members a load asks for: up at once, down with patience, and no change while the load is unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from outlast.policy.memory import Ask, Memory
from outlast.policy.observation import Known, LoadSeen, fresh


@dataclass(frozen=True, slots=True)
class Track:
    """The bounds and the aim. `capacity`: requests that one member serves at once; `target`: the share of it that
    should be busy; `latency`: seconds that 19 of 20 answers may take, None for no limit; `spare`: members kept beyond
    what is asked for. `calm`: seconds of lower load before a member goes; `pause`: seconds from one that went to the
    next; `hurry`: seconds from one growth to the next, in which the new ones show what they carry."""

    least: int
    most: int
    capacity: float
    target: float = 0.6
    latency: float | None = None
    spare: int = 0
    calm: float = 300.0
    pause: float = 30.0
    hurry: float = 10.0
    facts: float = 5.0


@dataclass(frozen=True, slots=True)
class Resize:
    """So many members, because of this."""

    service: str
    members: int
    because: str


# To leave, the load must fit into one member less with room to spare: otherwise it would come back at once.
SLACK = 0.85


def resize(
    now: float, service: str, have: int, load: LoadSeen, track: Track, memory: Memory
) -> tuple[Resize | str | None, Memory]:
    """A change, or what is waited for, or neither; and the memory. `have`: members wanted now, ready or not."""
    if not track.least <= have <= track.most:
        bound = min(max(have, track.least), track.most)
        return _changed(Resize(service, bound, f"it may have {track.least} to {track.most}"), now, memory)
    busy = fresh(load.busy, now, track.facts)
    if not isinstance(busy, Known):
        # Nobody leaves unseen; and what was asked for before says nothing about now.
        return f"{service}: its load is unknown ({busy.because})", _asked(service, (), memory)
    up, because = _wanted(have, busy.value, load, track, now)
    down = _bounded(math.ceil(busy.value / (track.capacity * track.target * SLACK)), track)
    asks = _kept((*memory.asks.get(service, ()), Ask(now, max(up, down) if up > have else down)), now, track)
    memory = _asked(service, asks, memory)
    since = now - memory.resized.get(service, float("-inf"))
    if up > have:
        return _changed(Resize(service, up, because), now, memory) if since >= track.hurry else (None, memory)
    most = max(ask.members for ask in asks)
    calm = now - asks[0].at >= track.calm
    if most < have and calm and since >= track.pause:
        why = f"for {track.calm:.0f} s {most} would have been enough"
        return _changed(Resize(service, have - 1, why), now, memory)
    return None, memory


def _wanted(have: int, busy: float, load: LoadSeen, track: Track, now: float) -> tuple[int, str]:
    """What the load asks for now, and why."""
    wanted = _bounded(math.ceil(busy / (track.capacity * track.target)), track)
    because = f"{busy:.0f} requests at once, and each should serve {track.capacity * track.target:.0f}"
    slow = fresh(load.latency, now, track.facts)
    if track.latency is not None and isinstance(slow, Known) and slow.value > track.latency:
        # Twice as many at most: what is slow may be something that more members do not make faster.
        more = _bounded(min(2 * have, math.ceil(have * slow.value / track.latency)), track)
        if more > wanted:
            return more, f"19 of 20 answers take up to {slow.value:.2f} s, and {track.latency:g} s is the limit"
    return wanted, because


def _bounded(members: int, track: Track) -> int:
    return min(max(members + track.spare, track.least), track.most)


def _kept(asks: tuple[Ask, ...], now: float, track: Track) -> tuple[Ask, ...]:
    """Those of the calm, and the one before it; of equal ones in a row the first and the last are enough."""
    late = [ask for ask in asks if now - ask.at <= track.calm]
    before = [ask for ask in asks if now - ask.at > track.calm][-1:]
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
