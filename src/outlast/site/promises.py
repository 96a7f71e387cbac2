"""What the owner promises of the site, and what its customers do while `outlast prove` breaks it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from outlast.kernel.units import Duration

Path = Annotated[str, StringConstraints(pattern=r"^/[^\s]*$")]
TOKEN = "{token}"
# Orders that are all alike would wait for each other, at the same row of the site's database.
NUMBER, NUMBERS = "{number}", 100
TokenText = Annotated[str, StringConstraints(pattern=r"\{token\}")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Order(_Frozen):
    """A request that writes once for its token, however often it is repeated."""

    path: Path = Field(description="Where it is sent to, with POST.")
    body: TokenText = Field(
        description=f"JSON text; `{TOKEN}` is new in each order, `{NUMBER}` goes from 1 to {NUMBERS} and around."
    )
    found: TokenText = Field(description="The path that answers 200 when the order is there, and 404 when it is not.")


class Customers(_Frozen):
    """What customers do over every floating address while the site is broken on purpose."""

    browse: tuple[Path, ...] = Field(default=("/",), description="Paths asked for in turn; they change nothing.")
    order: Order | None = Field(default=None, description="An order, for sites that take any.")
    rate: float = Field(default=10, gt=0, le=1000, description="Requests a second over each address.")
    orders: float = Field(default=8, gt=0, le=1000, description="Orders a second over each address.")


class Promise(_Frozen):
    """What one failure may cost."""

    outage: Duration = Field(description="The longest time without service, in 95 of 100 trials; never twice as long.")
    errors: int | None = Field(
        default=None, ge=0, description="Requests that may fail although they change nothing; left out: any number."
    )


def _promise(outage: str, errors: int | None = None) -> Promise:
    return Promise.model_validate({"outage": outage, "errors": errors})


class Survive(_Frozen):
    """What users may notice, by the kind of failure. An acknowledged write is never to be lost, in any of them."""

    process: Promise = Field(default=_promise("1500ms"), description="A process dies, or is alive and deaf.")
    machine: Promise = Field(default=_promise("1s"), description="A machine loses its power, or is cut off.")
    link: Promise = Field(
        default=_promise("1500ms"), description="Some machines do not reach others, or packets vanish."
    )
    load: Promise = Field(default=_promise("1s"), description="A machine has too much to do, or copies all its data.")
    planned: Promise = Field(default=_promise("500ms", errors=0), description="Restarts and moves on purpose.")
    pair: Promise = Field(default=_promise("2s"), description="Two machines at once, as far as a majority is left.")
    power: Promise = Field(default=_promise("2m"), description="All machines of a data centre lose their power.")
