"""The owner's wish as a value: the core keys of the site file, and what each section asks for.

Only core keys are named here. Every other top-level section belongs to a component (see `section`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny

from outlast.kernel.addresses import Address, Subnet
from outlast.kernel.names import DatacenterName, EnvironmentName, PoolName, SiteName
from outlast.kernel.network import DestinationText, Network
from outlast.site.domain import Domain
from outlast.site.promises import Customers, Survive
from outlast.site.secrets import SecretName, SecretSource

MOST_DATACENTERS = 8
MOST_ENVIRONMENTS = 16
# Larger than any that was measured: eight data centres of 1,250 machines, most of them in one pool (bench/run.py).
LARGEST_POOL = 2000

PoolSize = Annotated[int, Field(ge=1, le=LARGEST_POOL)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Server(_Frozen):
    """One server that the owner has: it serves in a pool, or it is a spare."""

    address: Address = Field(
        description="Its address in the data centre's network; Outlast reaches it there, and so do the others."
    )
    pool: PoolName | None = Field(default=None, description="What it serves for: `edge`, `app` or `data`.")
    spare: bool = Field(default=False, description="Does nothing until a server that is lost must be replaced.")
    lost: bool = Field(default=False, description="Is gone for good: its machine is made anew on a spare.")
    user: str | None = Field(default=None, min_length=1, description="Who logs in here, if not the `user` of all.")
    key: str | None = Field(default=None, min_length=1, description="The private key for it, if not the `key` of all.")
    port: int | None = Field(default=None, ge=1, le=65535, description="Where its sshd listens, if not at `port`.")


class Datacenter(_Frozen):
    """One data centre: where its machines come from, and how many it has."""

    machines: Literal["lab", "ssh"] = Field(
        description="Who makes the machines: `lab` makes them on this computer, `ssh` uses servers that you have."
    )
    standby: bool = Field(
        default=False, description="Keeps a copy of the site, ready to be activated, and serves nobody until then."
    )
    pools: Mapping[PoolName, PoolSize] = Field(
        default_factory=dict[str, int],
        description="Sizes of pools in this data centre, where another one than the default is wanted.",
        examples=[{"edge": 2, "data": 3}],
    )
    network: Subnet | None = Field(default=None, description="With `machines: ssh`: the network of the servers.")
    floating: tuple[Address, ...] = Field(
        default=(),
        description="With `machines: ssh`: free addresses of the network that users come to; they move between edges.",
        examples=[["10.0.0.201", "10.0.0.202"]],
    )
    user: str = Field(
        default="root", min_length=1, description="Who logs in: root, or somebody with passwordless sudo."
    )
    key: str = Field(
        default="~/.ssh/id_ed25519",
        min_length=1,
        description="The private key of that login, without a passphrase; relative to this file.",
    )
    port: int = Field(default=22, ge=1, le=65535, description="Where the servers' sshd listens.")
    servers: tuple[Server, ...] = Field(
        default=(),
        description="With `machines: ssh`: the servers, each with its address and its pool.",
        examples=[[{"address": "10.0.0.11", "pool": "edge"}, {"address": "10.0.0.29", "spare": True}]],
    )


class Firewall(_Frozen):
    """What the wiring of the site cannot say of its firewall."""

    operators: tuple[Network, ...] = Field(
        default=("0.0.0.0/0", "::/0"), min_length=1, description="Where people may come from to log in by SSH."
    )
    calls: tuple[DestinationText, ...] = Field(
        default=(), description="What every machine may reach outside the site, such as its time servers."
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
    firewall: Firewall = Field(
        default=Firewall(), description="What the machines may reach and who may log in, beyond what the wiring says."
    )
    secrets: Mapping[SecretName, SecretSource] = Field(
        default_factory=dict[str, SecretSource],
        description="Secrets that you keep elsewhere, by name: each says where `outlast up` finds its value.",
        examples=[{"stripe": {"env": "STRIPE_KEY"}}],
    )
    recovery: Literal["fast", "normal", "patient"] = Field(
        default="normal",
        description="How soon a silence counts as a failure, for every timer of the chain together.",
    )
    survive: Survive = Field(
        default=Survive(), description="What users may notice of each kind of failure; `outlast prove` judges by it."
    )
    customers: Customers = Field(
        default=Customers(), description="What customers do while `outlast prove` breaks the site on purpose."
    )
    environments: Mapping[EnvironmentName, Mapping[str, Any] | None] = Field(
        default_factory=dict[str, Mapping[str, Any] | None],
        max_length=MOST_ENVIRONMENTS,
        description="Other sites from this file, made with `-e NAME`: what each says goes over all above.",
        examples=[{"staging": {"footprint": "compact"}}],
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
