"""What a run of `up` is told and what it answers, as values."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from outlast.apply.facts import Holder
from outlast.contract.bundle import Artifact
from outlast.contract.changeover import Changeover
from outlast.kernel.errors import Finding
from outlast.machines.machine import Machine


@dataclass(frozen=True, slots=True)
class Span:
    """When a step ran, in seconds since the start of the command."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `up` did, one plain line each; empty: everything was right already.

    `mended` are those lines that tell of something somebody else had changed; `findings`: what could not be mended.
    """

    done: tuple[str, ...]
    spans: tuple[Span, ...]
    mended: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


Keep: TypeAlias = Callable[[], Awaitable[None]]
Finish: TypeAlias = Callable[[Mapping[str, Machine]], Awaitable[None]]


async def nothing() -> None:
    """Nobody keeps anything."""


async def nobody(_machines: Mapping[str, Machine]) -> None:
    """Nobody is told."""


@dataclass(frozen=True)
class Terms:
    """On what terms a blueprint is carried out: by whom (None: nobody else can be about), how many seconds to `wait`
    for another operator, what to do (`keep`) once the machines have agreed and before the first of them is changed, and
    the machine to `replace`. `only`: the machines to bring to it, when all others are left as they are and may even be
    silent (None: all of them); `about`: the members there whose services are looked after (None: all of them); `told`:
    machines that are left as they are as well, and are to hear of it. `finish` is told the machines that were brought
    to it and those to be told, before others may change them. `begin` is told those that answer, after `keep` and with
    every release of `first` built; `halt`, those that answer still when it comes to nothing. `canary` and `watch` are
    said instead of those of a changeover; `proven`: what takes over has served before; `yields`: what is done on
    a machine takes what those who serve there leave of its processors.
    """

    holder: Holder | None = None
    wait: float = 0.0
    keep: Keep = nothing
    replace: str = ""
    only: frozenset[str] | None = None
    about: frozenset[str] | None = None
    told: frozenset[str] = frozenset()
    first: frozenset[Artifact] = frozenset()
    begin: Finish = nobody
    finish: Finish = nobody
    halt: Finish = nobody
    canary: float | None = None
    watch: float | None = None
    proven: bool = False
    yields: bool = False

    def hastened(self, changeover: Changeover) -> Changeover:
        """The changeover with what is said here."""
        canary = changeover.canary if self.canary is None else self.canary
        return replace(changeover, canary=canary, watch=changeover.watch if self.watch is None else self.watch)
