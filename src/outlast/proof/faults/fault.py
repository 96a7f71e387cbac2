"""A fault as a value: what shall be broken, for how long at most; what was broken, and when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outlast.kernel.errors import Finding


class Level(StrEnum):
    """What a fault hits: members, machines, or the line between two sets of machines."""

    MEMBER = "member"
    MACHINE = "machine"
    BETWEEN = "between"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number that a fault takes, within its limits."""

    name: str
    summary: str
    default: float
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` names an offer (`pause`). `targets` are members or machines; `others` the second set of a partition.

    `seconds` is the dead man: it goes away by itself then, at the latest. `parameters` that are left out have defaults.
    """

    kind: str
    targets: tuple[str, ...]
    others: tuple[str, ...] = ()
    seconds: float = 10.0
    parameters: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind of fault, and everything in this site that can have it. `finding`: why nothing can, or not for sure.

    `spares_primary`: it is meant for members that do not take the writes.
    """

    kind: str
    level: Level
    summary: str
    targets: tuple[str, ...]
    parameters: tuple[Parameter, ...] = ()
    spares_primary: bool = False
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that holds. `name` names it on its machines (`pause-3f9a1c`), which are `machines`.

    `at` is when it held everywhere, `began` when it first held anywhere: seconds since 1970, operator's clock.
    """

    name: str
    fault: Fault
    machines: tuple[str, ...]
    began: float
    at: float
