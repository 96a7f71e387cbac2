"""What a policy remembers from one decision to the next: a value, kept where the next leader finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Verb(StrEnum):
    """What healing may do, from the mildest on."""

    START = "start"
    RESTART = "restart"
    CYCLE = "cycle"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Ill:
    """What is wrong with a machine or member, and since when."""

    what: str
    since: float


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Why nothing more is tried, since when, and when it was last not seen to be well."""

    what: str
    since: float
    unwell: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One remedy that was ordered. `ends`: not seen to have helped by then, it has not."""

    verb: Verb
    began: float
    ends: float


@dataclass(frozen=True, slots=True)
class Ask:
    """How many members a service's load asked for at one moment."""

    at: float
    members: int


@dataclass(frozen=True, slots=True)
class Memory:
    """By the names of machines and members: what ails them, the remedies of late, the one that has not ended, and why
    nothing more is tried. By service: what its load asked for of late, and when its size was last changed. `looked`:
    when the site was last looked at; `steady`: since when that is done without a pause, and no machine is being brought
    back."""

    ills: Mapping[str, Ill] = field(default_factory=dict[str, Ill])
    tried: Mapping[str, tuple[Attempt, ...]] = field(default_factory=dict[str, tuple[Attempt, ...]])
    under_way: Mapping[str, Attempt] = field(default_factory=dict[str, Attempt])
    quarantined: Mapping[str, LeftAlone] = field(default_factory=dict[str, LeftAlone])
    asks: Mapping[str, tuple[Ask, ...]] = field(default_factory=dict[str, tuple[Ask, ...]])
    resized: Mapping[str, float] = field(default_factory=dict[str, float])
    looked: float = float("-inf")
    steady: float = float("-inf")
