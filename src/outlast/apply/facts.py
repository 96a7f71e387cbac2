"""What a machine answered, as values; each fact was taken just before it is used."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from outlast.contract.probe import Output
from outlast.contract.steward import Running


class Pending(StrEnum):
    """What a service needs so that it runs on the files that are there."""

    NONE = "none"
    START = "start"
    RESTART = "restart"
    RELOAD = "reload"


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ArtifactWanted(_Answer):
    """A release that the machine does not hold yet."""

    name: str
    digest: str
    path: str


class Leftovers(_Answer):
    """What the ledger names and the bundle no longer does."""

    services: tuple[str, ...]
    files: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.services or self.files)


class ServiceDone(_Answer):
    """What activation did to a service; `failed` is what systemd said when it did not work, with its last lines."""

    did: str
    failed: str = ""
    log: tuple[str, ...] = ()


class Activated(_Answer):
    """One entry for each service that was looked at, up to the first that failed."""

    services: dict[str, ServiceDone]


class ServiceState(_Answer):
    """A service as systemd shows it, and what it needs."""

    active: Annotated[str, Field(alias="ActiveState")]
    sub: Annotated[str, Field(alias="SubState")]
    restarts: Annotated[str, Field(alias="NRestarts")]
    exit_status: Annotated[str, Field(alias="ExecMainStatus")]
    result: Annotated[str, Field(alias="Result")]
    pending: Pending

    @property
    def running(self) -> Running:
        """The same for a steward."""
        match self.active:
            case "active" | "reloading":
                return Running.ACTIVE
            case "activating":
                return Running.STARTING
            case "failed":
                return Running.FAILED
            case _:
                return Running.STOPPED


class _ProbeOutput(_Answer):
    returncode: int
    stdout: str
    stderr: str


class Observed(_Answer):
    """Services and probes of one machine, seen now."""

    generation: int
    services: dict[str, ServiceState]
    probes: dict[str, _ProbeOutput]
    once: tuple[str, ...]
    load: float

    def output(self, member: str) -> Output | None:
        """What the member's probe printed; None when it has no probe."""
        found = self.probes.get(member)
        return Output(found.returncode, found.stdout, found.stderr) if found else None


class Landed(_Answer):
    """Files that differed (and, but for a dry run, do no longer), and what that asks for; `observed` if nothing."""

    changed: tuple[str, ...]
    artifacts: tuple[ArtifactWanted, ...]
    pending: dict[str, Pending]
    leftovers: Leftovers
    observed: Observed | None = None

    @property
    def clean(self) -> bool:
        """The machine was as the bundle says, and every service runs on it."""
        idle = all(need is Pending.NONE for need in self.pending.values())
        return idle and not (self.changed or self.artifacts or self.leftovers)


@dataclass(frozen=True, slots=True)
class Silent:
    """A machine that did not answer, and how that showed."""

    machine: str
    because: str
