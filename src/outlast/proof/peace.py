"""For how long whom was left in peace.

Controllers that made a machine anew four times within a quarter of an hour leave it alone, as one that is flapping. An
experiment that loses it again sooner than they forget would prove nothing but that.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from outlast.policy.heal import Limits

FORGOTTEN = Limits().lasting + 5.0
"""Seconds after which controllers have forgotten what they did to those who are well since then."""


class Peace:
    """Of the machines and members of one site."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    def begins(self, names: Collection[str]) -> None:
        """These were broken until now."""
        self._since.update(dict.fromkeys(names, time.monotonic()))

    def wanted(self, names: Collection[str]) -> float:
        """In how many seconds all of these are forgotten."""
        now = time.monotonic()
        return max((self._since[name] + FORGOTTEN - now for name in names if name in self._since), default=0.0)
