"""How an engine behaves on simulated machines: pure functions from a scene to what it does and what its probe prints.

Optional: a component without a model is simulated by the plain rule that what runs is healthy (`simulated.py`).
A model must never see a clock, chance or a file but through its scene.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from outlast.contract.probe import Output
from outlast.contract.scene import Scene


@dataclass(frozen=True, slots=True)
class Change:
    """What an engine leaves behind on one machine. `memory` is its own state there, as text; None: as it was.

    `writes` are (path, text) of files, `removes` paths of files.
    """

    memory: str | None = None
    writes: tuple[tuple[str, str], ...] = ()
    removes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command printed, and what it changed on its machine."""

    output: Output
    change: Change = field(default_factory=Change)


def _serves_nothing(_scene: Scene, _machine: str) -> frozenset[int]:
    return frozenset()


def _says_nothing(_scene: Scene, _machine: str, _port: int) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One engine. `run(scene, machine, argv)` carries out a command of the engine's (its probe, its steward's steps);
    None: the command is not its own. `live` is what the engine does by itself, by machine, asked until nothing changes.
    `serves` are the ports on which it gives good answers on a machine; it must not ask who serves. `says` is what
    one of its ports tells whoever connects, empty: nobody gets there.
    """

    run: Callable[[Scene, str, tuple[str, ...]], Ran | None]
    live: Callable[[Scene], Mapping[str, Change]] | None = None
    serves: Callable[[Scene, str], frozenset[int]] = _serves_nothing
    says: Callable[[Scene, str, int], str] = _says_nothing
