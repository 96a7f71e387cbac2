"""What the owner says of one app."""

from __future__ import annotations

from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from outlast.components.app.schedule import Entry
from outlast.contract.source import Archive, Folder, Git, Image, Source
from outlast.kernel.invalid import Fault
from outlast.kernel.network import DestinationText
from outlast.kernel.units import Duration, Share

Route = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$")]
FigurePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/?&=%-]*$", max_length=200)]
# As Prometheus has them.
FigureName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_:][A-Za-z0-9_:]*$", max_length=200)]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


FolderName = Annotated[str, StringConstraints(min_length=1)]
# What git reads as options, and what would name a file of the revision, is no revision.
Revision = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_@][A-Za-z0-9_./@^~{}+-]*$")]
ImageName = Annotated[str, StringConstraints(pattern=r".\.tar$")]
ArchiveName = Annotated[str, StringConstraints(pattern=r".\.(tar|tar\.gz|tgz|tar\.xz|tar\.bz2|zip)$")]


class Measure(BaseModel):
    """A figure of the app's own that it scales by."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: FigurePath = Field(
        default="/metrics", description="Path of the app that shows it in the text format of Prometheus."
    )
    name: FigureName = Field(description="Its name there; all of that name are added up, whatever their labels.")
    per_member: float = Field(gt=0, le=1e12, description="How much of it each machine should have.")
    shared: bool = Field(
        default=False, description="Whether every machine shows the same one, such as the length of a queue."
    )


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
    processor: Share | None = Field(
        default=None, gt=0, le=1, description="Grow also when the app uses more of its machines' processors than this."
    )
    metric: Measure | None = Field(default=None, description="Grow also by a figure that the app shows of itself.")
    spare: int = Field(default=0, ge=0, description="Machines beyond what the load asks for, to be ready at once.")
    calm: Duration = Field(
        default=300.0, ge=10, description="How long the load must have been lower before a machine goes."
    )
    schedule: tuple[Entry, ...] = Field(default=(), description="Times that come again, with another min or max.")

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


class Rollout(BaseModel):
    """How the next release takes over from the one that runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    canary: Share = Field(
        default=0.1, ge=0, lt=1, description="Share of the requests for the first new instance; 0: as any other."
    )
    watch: Duration = Field(default=2.0, ge=0, le=3600, description="How long each step is watched before the next.")
    errors: Share = Field(
        default=0.01, ge=0, le=1, description="Go back when this share of answers more are errors than before."
    )
    slower: float = Field(default=3.0, ge=0, description="Go back when answers take so many times as long; 0: never.")
    memory: float = Field(default=4.0, ge=0, description="Go back at so many times the memory; 0: never.")


class Packed(BaseModel):
    """A source that is no folder: a revision of a repository, or an archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    git: str | None = Field(
        None, min_length=1, description="A repository on this computer, or a folder in it; relative to the site file."
    )
    revision: Revision = Field("HEAD", description="With `git`: a tag, a branch or a commit.", examples=["v1.2"])
    archive: ArchiveName | None = Field(
        None,
        description="A .tar, .tar.gz, .tar.xz, .tar.bz2 or .zip file; relative to the site file.",
        examples=["./app.tar.gz"],
    )
    folder: str = Field(".", min_length=1, description="The folder of the source in it.")
    image: ImageName | None = Field(
        None,
        description="An image of a container, a .tar that `podman save` wrote; relative to the site file.",
        examples=["./app.oci.tar"],
    )

    @model_validator(mode="after")
    def _one(self) -> Packed:
        said = [f"`{key}`" for key in ("git", "archive", "image") if getattr(self, key) is not None]
        if len(said) != 1:
            what = f"it has {' and '.join(said) or 'none of `git`, `archive` and `image`'}"
            fix = "write `source: { git: ., revision: v1.2 }` or `source: { archive: ./app.tar.gz }`"
            raise Fault(what, "a source is one thing", fix)
        if self.image and self.folder != ".":
            raise Fault("an image has no folder", "it is run whole", "remove `folder`", at=("folder",))
        if self.folder.startswith("/") or ".." in self.folder.split("/"):
            why = "it is seen from the top of the archive or from the folder that `git` names"
            raise Fault(f"`{self.folder[:60]}` leads out of it", why, "write it like `folder: app`", at=("folder",))
        if not self.git and self.revision != "HEAD":
            what = f"an {'archive' if self.archive else 'image'} has no revision"
            raise Fault(what, "it is what it is", "remove `revision`", at=("revision",))
        return self


class AppOptions(BaseModel):
    """One app: where its source is, how it is built and run, what it uses."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: FolderName | Packed = Field(
        description="What is released: a folder, relative to the site file, or a revision or an archive."
    )
    build: str | None = Field(None, description="Shell text that runs once in the source folder and makes the release.")
    migrate: str | None = Field(None, description="Shell text that runs once for each release, before it is activated.")
    run: str = Field(min_length=1, description="Shell text that serves HTTP on $HOST:$PORT in the foreground.")
    health: Route = Field("/healthz", description="Path that answers 2xx or 3xx when the app can serve.")
    routes: tuple[Route, ...] = Field(("/",), min_length=1, description="Path prefixes that lead to this app.")
    uses: tuple[str, ...] = Field((), description="Services the app needs; each adds its environment variables.")
    calls: tuple[DestinationText, ...] = Field((), description="What it may reach outside the site; nothing else.")
    scale: Scale = Field(Scale(min=2, max=8), description="How many machines run the app.")
    rollout: Rollout = Field(Rollout(), description="How the next release takes over from the one that runs.")
    port: int | None = Field(
        None, ge=1024, le=65534, description="It listens on this port and the next, in turns; chosen when left out."
    )
    packages: tuple[str, ...] = Field((), description="Debian packages the app needs at run time.")
    env: dict[VariableName, str] = Field(default_factory=dict, description="Further environment variables.")
    secrets: dict[VariableName, str] = Field(
        default_factory=dict, description="Environment variables that hold secrets, by their names below `secrets`."
    )
    start: Duration = Field(60.0, gt=0, le=120, description="Time an instance gets until its health path answers.")
    stop: Duration = Field(30.0, gt=0, le=600, description="Time the app gets to finish its requests when stopped.")

    @model_validator(mode="after")
    def _said_once(self) -> AppOptions:
        for name in self.secrets:
            if name in self.env:
                raise Fault(
                    what=f"{name} is below `env` too",
                    why="a variable has one value",
                    fix=f"remove {name} from `env`, whose values stand in plans as they are written",
                    at=("secrets", name),
                )
        return self

    @model_validator(mode="after")
    def _built(self) -> AppOptions:
        if self.build is not None and isinstance(self.origin, Image):
            why = "an image is built already"
            raise Fault("nothing is built of an image", why, "remove `build`", at=("build",))
        return self

    @property
    def origin(self) -> Source:
        """The source as a value."""
        if isinstance(self.source, str):
            return Folder(self.source)
        if self.source.image:
            return Image(self.source.image)
        if self.source.archive:
            return Archive(self.source.archive, self.source.folder)
        return Git(self.source.git or ".", self.source.revision, self.source.folder)
