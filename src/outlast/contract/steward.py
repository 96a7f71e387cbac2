"""The mind of one stateful cluster: pure, one careful step each cycle.

A steward sees what is known of every member and answers with the few actions that are safe now, each with
its reason, and with what it waits for. It must never see a clock or touch a machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from outlast.contract.probe import Report

S_co = TypeVar("S_co", covariant=True)


class Running(StrEnum):
    """The main service of a member as systemd sees it; unknown when the machine did not answer."""

    ACTIVE = "active"
    STARTING = "starting"
    STOPPED = "stopped"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Sighting(Generic[S_co]):
    """One member, seen now. `stale`: its files changed since it was last started. `report` is None when unknown."""

    member: str
    index: int
    running: Running
    stale: bool
    report: Report[S_co] | None
    unknown_because: str = ""


class Verb(StrEnum):
    """What may be done to a member."""

    START = "start"
    RESTART = "restart"
    STOP = "stop"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Action:
    """Do `verb` to the main service of `member`, or run `argv` on its machine, for the reason `because`."""

    verb: Verb
    member: str
    because: str
    argv: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now and what is waited for. Neither: the cluster is as it should be."""

    actions: tuple[Action, ...] = ()
    waiting_on: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Nothing to do and nothing awaited."""
        return not self.actions and not self.waiting_on


Steward: TypeAlias = Callable[[tuple[Sighting[Any], ...]], Decision]
