"""What can go wrong inside an engine, and nowhere else: a fault that its component knows how to inflict and to undo.

Both are commands on the member's machine, as root. Healing must be harmless where nothing is broken, and may be run at
any moment of the injection: whoever injected may die at any instant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from outlast.contract.bundle import Part

Argv = tuple[str, ...]


def _any(_part: Part) -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ailment:
    """`name` is unique within the component. `inject` and `heal` are run in order; `heal` is tried to its end even
    when a command of it fails.

    `afflicts` tells by a member's part whether it can have this (an arbiter has no data to lose). `spares_primary`: it
    is meant for members that do not take the writes.
    """

    name: str
    summary: str
    inject: tuple[Argv, ...]
    heal: tuple[Argv, ...]
    afflicts: Callable[[Part], bool] = _any
    spares_primary: bool = False
