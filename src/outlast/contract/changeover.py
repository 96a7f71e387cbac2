"""How a member is replaced by its next self while requests come: started beside it, tried, put in, and only then the
old one is drained and stopped.
"""

from __future__ import annotations

from dataclasses import dataclass

BEHIND = "/run/outlast-behind"
"""A file there with the name of a service, less than a minute old: it starts behind those who serve."""


@dataclass(frozen=True, slots=True)
class Changeover:
    """The terms of it.

    `canary`: the share of the requests that the first new member gets at first (0: as many as any other). `watch`:
    seconds that each step is watched. It goes back when the new ones answer with errors more often than the old ones by
    the share `errors`, or `slower` times as slowly (0: however slowly), or take more than `memory` times as much memory
    (0: however much). `start`: seconds until it must be healthy. `drain`: seconds that requests under way get.
    """

    canary: float = 0.1
    watch: float = 2.0
    errors: float = 0.01
    slower: float = 3.0
    memory: float = 4.0
    start: float = 60.0
    drain: float = 30.0
