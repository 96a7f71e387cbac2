"""What a leader remembers, as text for the next one.

Clocks of two machines have nothing in common, so ages are kept and not times: a remedy that began 20 s ago began 20 s
before the next leader's first look.
"""

from __future__ import annotations

import json
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from outlast.policy.memory import Ask, Attempt, Ill, LeftAlone, Memory

MEMORY = TypeAdapter(Memory)


def dump(memory: Memory, now: float) -> bytes:
    """The memory of this moment."""
    # Not by pydantic: to it "never", which is minus infinity, is null, and null is no time.
    return json.dumps(MEMORY.dump_python(shifted(memory, -now), mode="json")).encode()


def parse(text: bytes, now: float) -> Memory:
    """What the leader before remembered; nothing when it cannot be read, as a later release may write it otherwise."""
    try:
        return shifted(MEMORY.validate_json(text), now)
    except ValidationError:
        return Memory()


def shifted(memory: Memory, by: float) -> Memory:
    """The same on another clock."""
    return replace(
        memory,
        ills={name: _ill(ill, by) for name, ill in memory.ills.items()},
        tried={name: tuple(_attempt(each, by) for each in tried) for name, tried in memory.tried.items()},
        under_way={name: _attempt(attempt, by) for name, attempt in memory.under_way.items()},
        quarantined={name: _alone(left, by) for name, left in memory.quarantined.items()},
        asks={name: tuple(Ask(ask.at + by, ask.members) for ask in asks) for name, asks in memory.asks.items()},
        resized={name: at + by for name, at in memory.resized.items()},
        looked=memory.looked + by,
        steady=memory.steady + by,
    )


def _ill(ill: Ill, by: float) -> Ill:
    return replace(ill, since=ill.since + by)


def _alone(left: LeftAlone, by: float) -> LeftAlone:
    return replace(left, since=left.since + by, unwell=left.unwell + by)


def _attempt(attempt: Attempt, by: float) -> Attempt:
    return replace(attempt, began=attempt.began + by, ends=attempt.ends + by)
