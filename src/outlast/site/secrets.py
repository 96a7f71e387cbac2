"""Secrets that the owner keeps elsewhere: where each is found, and which apps read which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, TypeAlias, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from outlast.kernel.errors import Finding
from outlast.kernel.invalid import Fault
from outlast.kernel.names import check_name, name_schema
from outlast.site.places import Places
from outlast.site.wording import Path, closest, dotted, listed, shown

LENGTH = 40


def _secret(text: str) -> str:
    return check_name(text, "a secret", LENGTH)


SecretName: TypeAlias = Annotated[str, AfterValidator(_secret), WithJsonSchema(name_schema("a name", LENGTH))]


class SecretSource(BaseModel):
    """Where the value of one secret is found; exactly one of the three."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"minProperties": 1, "maxProperties": 1})

    file: str | None = Field(default=None, min_length=1, description="A file that holds it, relative to this file.")
    env: str | None = Field(
        default=None, min_length=1, description="A variable of the environment in which `outlast up` runs."
    )
    command: str | None = Field(
        default=None, min_length=1, description="Shell text that prints it, run in the folder of this file."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_value(cls, given: object) -> object:
        # Said here, because the general words would show it.
        if not isinstance(given, Mapping | SecretSource):
            raise Fault(
                what="a value stands here",
                why="the file says where a secret is found and never what it is: whoever reads the file would have it",
                fix="change the secret where it is used, keep the new one elsewhere, and write `env: NAME` here",
            )
        return cast("object", given)

    @model_validator(mode="after")
    def _one(self) -> SecretSource:
        said = [name for name in ("file", "env", "command") if getattr(self, name) is not None]
        if len(said) != 1:
            raise Fault(
                what="it says where it is found more than once" if said else "it does not say where it is found",
                why="a secret has one place: `file`, `env` or `command`",
                fix=f"keep `{said[0]}` or another, and remove the rest"
                if said
                else "write `env: NAME` with its variable",
                at=tuple(said[1:2]),
            )
        return self


def check_readers(secrets: tuple[str, ...], readers: Mapping[Path, object], places: Places) -> Iterator[Finding]:
    """Names of secrets that nobody declared. `readers`: by the place of each wish, its options, of which those count
    that map variables to names below `secrets`."""
    for path, options in readers.items():
        names: object = getattr(options, "secrets", {})
        for variable, name in cast("dict[str, str]", names).items() if isinstance(names, dict) else ():
            if name not in secrets:
                place = (*path, "secrets", variable)
                what = f"{dotted(place)} names the secret {shown(name)}, which the file does not have"
                yield Finding(places.where(*place), what, *_offer(name, secrets))


def _offer(name: str, known: tuple[str, ...]) -> tuple[str, str]:
    near = closest(name, known, 0.6)
    why = (
        f"below `secrets` there is {listed(f'`{word}`' for word in known)}"
        if known
        else "there is no `secrets` section"
    )
    return why, f"write `{near}`" if near else f"add `{name}: {{ env: NAME }}` below `secrets`, with its variable"
