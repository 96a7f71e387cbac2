"""Progress, as values: what a long command is doing, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where a subject stands within a command."""

    STARTED = "started"
    PROGRESS = "progress"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Event:
    """`subject` (a machine, member, image or release) entered `phase`; `text` says it in plain words."""

    subject: str
    phase: Phase
    text: str


Emit = Callable[[Event], None]


def silent(_event: Event) -> None:
    """Somebody who does not listen."""
