"""What the owner says of one app."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from outlast.kernel.invalid import Fault
from outlast.kernel.network import DestinationText
from outlast.kernel.units import Duration, Share

Route = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class Scale(BaseModel):
    """How many machines run the app."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min: int = Field(
        default=2, ge=1, description="Machines that always run the app; 2 or more survive the loss of one."
    )
    max: int = Field(default=8, ge=1, description="The most machines that scaling may ask for.")
    concurrency: int = Field(default=20, ge=1, description="Requests that one machine serves well at the same time.")
    target: Share = Field(
        default=0.6, gt=0, le=1, description="The share of that which should be busy, beside what is spare."
    )
    latency: Duration | None = Field(
        default=None, gt=0, description="Grow also when answers take longer than this on average."
    )
    spare: int = Field(default=0, ge=0, description="Machines beyond what the load asks for, to be ready at once.")
    calm: Duration = Field(
        default=300.0, ge=10, description="How long the load must have been lower before a machine goes."
    )

    @model_validator(mode="before")
    @classmethod
    def _room(cls, given: object) -> object:
        # Somebody who only asks for ten machines means ten, not "ten, but eight at most".
        if not isinstance(given, dict):
            return given
        said = cast(dict[str, Any], given)
        least = said.get("min")
        return {"max": max(8, least), **said} if isinstance(least, int) else said

    @model_validator(mode="after")
    def _ordered(self) -> Scale:
        if self.max < self.min:
            raise Fault(
                what=f"max is {self.max}, less than min",
                why=f"at least {self.min} machines always run the app",
                fix=f"write at least {self.min}, or lower min",
                at=("max",),
            )
        return self


class AppOptions(BaseModel):
    """One app: where its source is, how it is built and run, what it uses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, description="Folder of the source, relative to the site file.")
    build: str | None = Field(None, description="Shell text that runs once in the source folder and makes the release.")
    migrate: str | None = Field(None, description="Shell text that runs once for each release, before it is activated.")
    run: str = Field(min_length=1, description="Shell text that serves HTTP on $HOST:$PORT in the foreground.")
    health: Route = Field("/healthz", description="Path that answers 2xx or 3xx when the app can serve.")
    routes: tuple[Route, ...] = Field(("/",), min_length=1, description="Path prefixes that lead to this app.")
    uses: tuple[str, ...] = Field((), description="Services the app needs; each adds its environment variables.")
    calls: tuple[DestinationText, ...] = Field((), description="What it may reach outside the site; nothing else.")
    scale: Scale = Field(Scale(min=2, max=8), description="How many machines run the app.")
    port: int | None = Field(None, ge=1024, le=65535, description="Port the app listens on; chosen when left out.")
    packages: tuple[str, ...] = Field((), description="Debian packages the app needs at run time.")
    env: dict[VariableName, str] = Field(default_factory=dict, description="Further environment variables.")
    stop: Duration = Field(30.0, gt=0, le=600, description="Time the app gets to finish its requests when stopped.")
