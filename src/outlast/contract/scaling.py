"""Within which bounds the members of a service follow its load, and what of the load they follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scaling:
    """Members in each data centre: `least` to `most`. `capacity`: requests that one of them serves well at once;
    `target`: the share of it that should be busy; `latency`: seconds that an answer may take on average, None for no
    limit; `spare`: members beyond what is asked for; `calm`: seconds of lower load before one goes."""

    least: int
    most: int
    capacity: float
    target: float
    latency: float | None = None
    spare: int = 0
    calm: float = 300.0
