"""What a run of `up` is told and what it answers, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from outlast.apply.facts import Holder
from outlast.kernel.errors import Finding


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


@dataclass(frozen=True)
class Terms:
    """On what terms a blueprint is carried out: by whom (None: nobody else can be about), how many seconds to `wait`
    for another operator, what to do (`keep`) once the machines have agreed and before the first of them is changed,
    and the machine to `replace`."""

    holder: Holder | None = None
    wait: float = 0.0
    keep: Callable[[], None] = field(default=lambda: None)
    replace: str = ""
