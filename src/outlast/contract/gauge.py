"""What a member shows every second of the load that it passes on, without a process being started for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """The load of one service as one member sees it. `busy`: requests that have come and are not answered yet, those
    that wait included; `rate`: requests that came within the last second; `mean`: seconds from a request to the first
    byte of its answer, the average of the last ones (how many is the engine's own affair), None when it is not known;
    `servers`: members that get requests."""

    service: str
    busy: int
    rate: int
    mean: float | None
    servers: int


@dataclass(frozen=True, slots=True)
class Gauge:
    """A Unix socket, what it is asked (a text with its line end), and a pure reader of what it answers."""

    socket: str
    question: str
    parse: Callable[[str], tuple[Load, ...]]
