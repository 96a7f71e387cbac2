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


class Standing(StrEnum):
    """How a file or a release is not as it was told."""

    NEW = "new"
    """It was never written here."""
    OUTDATED = "outdated"
    """It is as an older blueprint asked for."""
    DELETED = "deleted"
    EDITED = "edited"
    RIGHTS = "rights"
    """Its mode or its owner differs, not its text."""
    MASKED = "masked"
    """A unit, masked by a link to nothing."""
    REPLACED = "replaced"
    """Something else than a file stands in its place."""
    MISSING = "missing"
    """A release that is not unpacked."""

    @property
    def by_hand(self) -> bool:
        """Somebody else than Outlast did that."""
        return self not in (Standing.NEW, Standing.OUTDATED, Standing.MISSING)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class FileFound(_Answer):
    """A file that is not as told; what it is now is only in the answer of a dry run."""

    was: Standing = Standing.EDITED
    content: str | None = None
    mode: int | None = None
    owner: str = ""
    group: str = ""


class ArtifactWanted(_Answer):
    """A release that the machine does not hold, or not as it was unpacked."""

    name: str
    digest: str
    path: str
    was: Standing = Standing.MISSING


class Packages(_Answer):
    """`wrong`: package to the version that the machine was made with and the one it has now (empty: none).
    `versions`: those of the packages that the site asks for."""

    wrong: dict[str, tuple[str, str]] = {}
    versions: dict[str, str] = {}


class Restored(_Answer):
    """`failed` is what apt said when the packages could not be brought back."""

    failed: str


class Holder(_Answer):
    """An operator at work: `host` for people, `box` and `born` so that its process is known again on its own box.

    `tenure` is the fencing number of a leading controller, 0 for everybody else."""

    id: str
    user: str
    host: str
    box: str
    process: int
    born: str
    verb: str
    tenure: int = 0


class HolderSeen(Holder):
    """A holder as a machine knows it: since `age` seconds, last heard of `idle` seconds ago."""

    age: float
    idle: float


class Held(_Answer):
    """Whether a lease is held now; `by` whom otherwise, and `over`: whose stale one was taken. `deposed`: a controller
    with a higher tenure has been here."""

    held: bool
    deposed: bool = False
    by: HolderSeen | None = None
    over: HolderSeen | None = None


class Leftovers(_Answer):
    """What the ledger names and the bundle no longer does, and the folders of releases of long before."""

    services: tuple[str, ...]
    files: tuple[str, ...]
    releases: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.services or self.files or self.releases)


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
    """What differed (files do no longer, but for a dry run), and what that asks for; `observed` if nothing did.

    `services` were activated before and are stopped, failed or disabled now; `running` are leftovers that run;
    `overrides` are somebody else's drop-ins of our units; `jobs` are one-time jobs without a record; `clock` is the
    machine's time in seconds since 1970; `begun` are the services that it was told to start first.
    """

    changed: tuple[str, ...]
    artifacts: tuple[ArtifactWanted, ...]
    pending: dict[str, Pending]
    leftovers: Leftovers
    running: tuple[str, ...] = ()
    observed: Observed | None = None
    files: dict[str, FileFound] = {}
    overrides: dict[str, FileFound] = {}
    services: dict[str, tuple[str, ...]] = {}
    jobs: tuple[str, ...] = ()
    packages: Packages = Packages()
    clock: float | None = None
    begun: dict[str, ServiceDone] = {}

    @property
    def clean(self) -> bool:
        """The machine was as the bundle says, and every service runs on it."""
        idle = all(need is Pending.NONE for need in self.pending.values())
        ill = self.overrides or self.services or self.jobs or self.packages.wrong or self.begun
        return idle and not (self.changed or self.artifacts or self.leftovers or ill)


@dataclass(frozen=True, slots=True)
class Silent:
    """A machine that did not answer, and how that showed."""

    machine: str
    because: str
