"""All that a renderer may see of the site: its own options, its place, its peers and what it required."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from outlast.contract.bundle import Artifact
from outlast.contract.interface import Endpoint
from outlast.contract.slot import Slot

O_co = TypeVar("O_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Peer:
    """A member of the same cluster (the same service in the same data centre), the viewer included.

    `index` counts from 1 and never changes.
    """

    member: str
    index: int
    machine: str
    address: str


@dataclass(frozen=True, slots=True)
class Floating:
    """An address that moves between machines; `home` is the machine that holds it when all is well."""

    address: str
    home: str


@dataclass(frozen=True, slots=True)
class NodeView(Generic[O_co]):
    """One member as its renderer sees it.

    `clients` names the services that use this one, directly or through a proxy beside them; `floating`
    are the floating addresses of the data centre; `artifact` is set for services built from source; `slot` is where a
    member that has two is to be.
    """

    site: str
    domain: str
    service: str
    datacenter: str
    member: str
    index: int
    machine: str
    address: str
    options: O_co
    peers: tuple[Peer, ...]
    ports: tuple[tuple[str, int], ...]
    endpoints: tuple[Endpoint, ...] = ()
    clients: tuple[str, ...] = ()
    floating: tuple[Floating, ...] = ()
    artifact: Artifact | None = None
    slot: Slot = Slot.A

    def port(self, interface: str) -> int:
        """The port on which this member provides `interface`. Raises `KeyError` when it does not."""
        return dict(self.ports)[interface]

    def using(self, interface: str) -> tuple[Endpoint, ...]:
        """The endpoints of one required interface, in the order of their members."""
        return tuple(endpoint for endpoint in self.endpoints if endpoint.interface == interface)

    @property
    def others(self) -> tuple[Peer, ...]:
        """The peers without the viewer."""
        return tuple(peer for peer in self.peers if peer.member != self.member)
