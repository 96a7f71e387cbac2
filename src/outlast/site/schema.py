"""The owner's wish as a value: the core keys of the site file, and what each section asks for.

Only core keys are named here. Every other top-level section belongs to a component (see `section`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from outlast.kernel.names import DatacenterName, PoolName, SiteName
from outlast.site.domain import Domain

MOST_DATACENTERS = 8
LARGEST_POOL = 2000

PoolSize = Annotated[int, Field(ge=1, le=LARGEST_POOL)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Datacenter(_Frozen):
    """One data centre: where its machines come from, and how many it has."""

    machines: Literal["lab"] = Field(description="Who makes the machines. `lab` makes them on this computer.")
    standby: bool = Field(
        default=False, description="Keeps a copy of the site, ready to be activated, and serves nobody until then."
    )
    pools: Mapping[PoolName, PoolSize] = Field(
        default_factory=dict[str, int],
        description="Sizes of pools in this data centre, where another one than the default is wanted.",
        examples=[{"edge": 2, "data": 3}],
    )


class Core(_Frozen):
    """The keys of a site file that belong to no component."""

    site: SiteName = Field(
        description="The name of the site, which goes into everything that is made for it.", examples=["shop"]
    )
    domain: Domain = Field(description="The domain that the site answers to.")
    datacenters: Mapping[DatacenterName, Datacenter] = Field(
        min_length=1,
        max_length=MOST_DATACENTERS,
        description="The data centres of the site, by name.",
        examples=[{"east": {"machines": "lab"}}],
    )
    footprint: Literal["spread", "compact"] = Field(
        default="spread",
        description="`spread` gives every role machines of its own; `compact` puts all roles on three machines.",
    )


class Wish(_Frozen):
    """One service that must run: an app by its name, or the section that asks for it.

    `options` is an instance of the component's own model, already validated.
    """

    name: str
    component: str
    section: str
    options: SerializeAsAny[BaseModel]


class Site(Core):
    """What must run and what must survive. The wishes are assembled by the loader; no key holds them."""

    wishes: tuple[Wish, ...] = ()
