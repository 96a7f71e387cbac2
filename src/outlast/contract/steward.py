"""The mind of one stateful cluster: pure, one careful step each cycle.

A steward sees what is known of every member and answers with the few actions that are safe now, each with
its reason, and with what it waits for. It must never see a clock or touch a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeAlias, TypeVar

from outlast.contract.probe import Health, Report

S = TypeVar("S")
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


@dataclass(frozen=True, slots=True)
class Seen(Generic[S_co]):
    """A member of which the probe could tell something: its `state`."""

    sighting: Sighting[S_co]
    state: S_co

    @property
    def name(self) -> str:
        """The member's."""
        return self.sighting.member

    @property
    def stopped(self) -> bool:
        """Whether it certainly does not run."""
        return self.sighting.running in (Running.STOPPED, Running.FAILED)

    @property
    def healthy(self) -> bool:
        """Whether its probe calls it healthy."""
        return self.sighting.report is not None and self.sighting.report.health is Health.HEALTHY

    @property
    def because(self) -> str:
        """Its probe's sentence."""
        return self.sighting.report.because if self.sighting.report else ""


def see(sighting: Sighting[S]) -> Seen[S] | None:
    """The member, when something is known of it."""
    report = sighting.report
    if sighting.running is Running.UNKNOWN or report is None or report.state is None:
        return None
    return Seen(sighting, report.state)


def silences(sightings: Iterable[Sighting[Any]]) -> tuple[str, ...]:
    """The members of which nothing is known, each with the reason."""
    return tuple(f"{s.member}: {_why_unknown(s)}" for s in sightings if see(s) is None)


def _why_unknown(sighting: Sighting[Any]) -> str:
    return sighting.unknown_because or (sighting.report.because if sighting.report else "") or "nothing is known of it"


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
