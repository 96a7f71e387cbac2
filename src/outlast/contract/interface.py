"""How strangers meet: what a member provides, what it requires, and the endpoints that come of it.

A component names interfaces, never other components: an edge asks for `http-backend`, whoever provides it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from outlast.kernel.network import Transport


class Reach(StrEnum):
    """Which providers of an interface a requirement means."""

    MACHINE = "machine"
    """Members on the same machine, over loopback."""
    CLUSTER = "cluster"
    """The other members of the same service in the same data centre."""
    DATACENTER = "datacenter"
    """Every provider in the same data centre."""
    SITE = "site"
    """Every provider in every data centre."""


@dataclass(frozen=True, slots=True)
class Http:
    """What an edge must know of a web app: path prefixes it serves, and the path that tells its health."""

    routes: tuple[str, ...]
    health: str


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that a consumer gets.

    `template` may name `{address}`, `{port}`, `{site}` and `{account}` (the consuming service); it may hold
    markers of `contract.secret`.
    """

    name: str
    template: str

    def value(self, *, address: str, port: int, site: str, account: str) -> str:
        """The variable's value for one consumer. Raises `KeyError` when the template names anything else."""
        return self.template.format(address=address, port=port, site=site, account=account)


@dataclass(frozen=True, slots=True)
class Provided:
    """A port on which a member serves `interface`. `port` None: the topology chooses a free one.

    `loopback`: bound to 127.0.0.1 and meant for members on the same machine only. `public`: meant for the world.
    With `Transport.VRRP` the port is 0: that protocol has none.
    """

    interface: str
    port: int | None = None
    loopback: bool = False
    public: bool = False
    http: Http | None = None
    environment: tuple[Variable, ...] = ()
    transport: Transport = Transport.TCP


@dataclass(frozen=True, slots=True)
class Required:
    """An interface that a member uses. Not optional: a site in which nobody provides it is a finding."""

    interface: str
    reach: Reach
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one member serves one interface, seen from a consumer: `address` is 127.0.0.1 for `Reach.MACHINE`."""

    interface: str
    service: str
    member: str
    machine: str
    datacenter: str
    address: str
    port: int
    http: Http | None = None
    environment: tuple[Variable, ...] = ()
    transport: Transport = Transport.TCP
