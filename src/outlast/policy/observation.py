"""What is known of a site at one moment: facts with their ages. What is unknown is neither well nor dead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

from outlast.contract.probe import Health

T_co = TypeVar("T_co", covariant=True)
NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class Known(Generic[T_co]):
    """A fact, and when it was true, in seconds of the observer's clock, which never goes back."""

    value: T_co
    at: float


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nothing is known, for this reason."""

    because: str


Fact: TypeAlias = Known[T_co] | Unknown


class Presence(StrEnum):
    """A machine as its provider sees it."""

    ON = "on"
    OFF = "off"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class MachineSeen:
    """One machine: what its provider says, when it was last heard by this observer, and by any other one. `busy`: the
    share of its processors that worked of late; `room`: the share of its memory that is free."""

    presence: Fact[Presence]
    heard: float = NEVER
    heard_elsewhere: float = NEVER
    busy: Fact[float] = field(default=Unknown("nobody measures it"))
    room: Fact[float] = field(default=Unknown("nobody measures it"))


@dataclass(frozen=True, slots=True)
class LoadSeen:
    """One service in one data centre: requests under way at its edge. `rate`: requests in a second; `mean`: seconds to
    an answer, averaged over the last ones of each edge. `processors`: by its members that are there, the share of its
    machine's processors that each of them used of late; `metrics`: the figure of its own that each of them shows."""

    busy: Fact[float]
    rate: Fact[float] = field(default=Unknown("nobody measures it"))
    mean: Fact[float] = field(default=Unknown("nobody measures it"))
    processors: Mapping[str, Fact[float]] = field(default_factory=dict[str, Fact[float]])
    metrics: Mapping[str, Fact[float]] = field(default_factory=dict[str, Fact[float]])


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything that one look found. `at`: now, on the clock of all ages in it."""

    at: float
    machines: Mapping[str, MachineSeen]
    members: Mapping[str, Fact[Health]]
    loads: Mapping[str, LoadSeen] = field(default_factory=dict[str, LoadSeen])


def fresh(fact: Fact[T_co], now: float, age: float) -> Fact[T_co]:
    """The fact while it is not older than `age` seconds; then nobody knows."""
    if isinstance(fact, Known) and now - fact.at > age:
        return Unknown(f"last known {now - fact.at:.0f} s ago")
    return fact
