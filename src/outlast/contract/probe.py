"""What a probe says of a member: a report, or the reason why nothing is known."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S_co = TypeVar("S_co", covariant=True)


class Health(StrEnum):
    """Unknown is a value of its own: never treated as healthy, never as dead."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Output:
    """What the probe's argv printed on the machine. `returncode` 124: it did not end in time."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class Report(Generic[S_co]):
    """One member as its probe found it.

    `because` is one plain sentence, shown to the owner unchanged. `role` is what it does in its cluster
    ("writer", "leader", "holds 10.0.0.9"). `primaries` are members that this one sees as primary of a service.
    `state` is for the component's steward.
    """

    health: Health
    because: str
    role: str = ""
    primaries: tuple[Primary, ...] = ()
    holds: tuple[str, ...] = ()
    state: S_co | None = None


@dataclass(frozen=True, slots=True)
class Primary:
    """The reporting member sends the writes of `service` to `member`."""

    service: str
    member: str
