"""Sections like those that components bring, for the tests of the site floor."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from outlast.kernel.invalid import Fault
from outlast.kernel.units import Duration, Size
from outlast.site.section import Section


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Scale(Frozen):
    """How many members run."""

    min: int = Field(default=2, ge=1, le=200, description="Members that always run.")
    max: int = Field(default=8, ge=1, le=200, description="Members that run at most.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise Fault("`min` is more than `max`", "there is no number between them", "make `max` larger", at=("max",))
        return self


class App(Frozen):
    """A program of yours, started from its source on every app machine."""

    source: str = Field(description="The folder with its source, seen from the site file.")
    build: str | None = Field(default=None, description="A command that prepares a release, run in the source.")
    run: str = Field(description="The command that starts it. It must listen on $HOST and $PORT.")
    health: str = Field(default="/healthz", pattern=r"^/", description="The path that answers 200 when it can serve.")
    routes: tuple[str, ...] = Field(default=("/",), min_length=1, description="Paths of the domain that it answers.")
    uses: tuple[str, ...] = Field(default=(), description="What it connects to.")
    scale: Scale = Scale()
    port: int | None = Field(default=None, gt=1023, lt=65536, description="The port, when it cannot read $PORT.")
    timeout: Duration = Field(default=30.0, ge=1, description="How long a request may take.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment variables.")
    secrets: dict[str, str] = Field(default_factory=dict, description="Secrets, by variable.")
    args: str | tuple[str, ...] = ()


class Galera(Frozen):
    """A replicated MariaDB database."""

    members: int = Field(default=3, ge=1, le=9, description="Members in each data centre.")
    buffer: Size = Field(default=512 * 1024**2, description="Memory for its buffer pool.")
    name: str = Field(default="app", max_length=32, description="The database that apps use.")
    ratio: float = Field(default=0.5, multiple_of=0.25, description="The part of memory it may use.")

    @field_validator("members")
    @classmethod
    def _odd(cls, members: int) -> int:
        if members % 2 == 0:
            raise Fault(
                f"{members} members cannot outvote each other",
                "when the link between two halves fails, neither has a majority and both stop",
                f"write `members: {members + 1}`",
            )
        return members


class Patroni(Frozen):
    """A replicated PostgreSQL database."""

    members: int = 3
    synchronous: bool = True


class Mode(StrEnum):
    HTTP = "http"
    HTTPS = "https"


class Edge(Frozen):
    """The load balancers in front of everything."""

    mode: Mode = Field(default=Mode.HTTPS, description="What people speak to the site.")
    limits: dict[str, int] = Field(default_factory=dict, description="Requests a second, by route.")
    headers: list[Scale] = Field(default_factory=list[Scale])

    @field_validator("limits")
    @classmethod
    def _positive(cls, limits: dict[str, int]) -> dict[str, int]:
        assert all(limit > 0 for limit in limits.values()), "Every limit must be positive"
        return limits


class Cache(Frozen):
    """A cache that may forget anything."""

    size: Size = 64 * 1024**2
    ttl: Duration | None = None
    password: str = ""

    @field_validator("password")
    @classmethod
    def _no_value(cls, password: str) -> str:
        if password:
            raise ValueError("A password never stands in a file")
        return password


APP_EXAMPLE = """\
apps:
  web:
    source: ./app               # the folder, seen from this file
    build: pip install -r requirements.txt
    run: gunicorn --bind $HOST:$PORT shop:app
    routes: [/]
    uses: [database]
    scale: { min: 2, max: 8 }
"""
GALERA_EXAMPLE = """\
# A database on three machines; any one of them may fail.
database:
  engine: mariadb
  members: 3
  buffer: 512MiB
"""
CACHE_EXAMPLE = """\
cache:
  size: 64MiB
"""

SECTIONS = (
    Section("apps", "app", App, many=True, example=APP_EXAMPLE, pool="app"),
    Section("database", "galera", Galera, engine="mariadb", example=GALERA_EXAMPLE, pool="data"),
    Section("database", "patroni", Patroni, engine="postgresql", pool="data"),
    Section("edge", "haproxy", Edge, default=True, pool="edge"),
    Section("cache", "memcached", Cache, example=CACHE_EXAMPLE),
)
