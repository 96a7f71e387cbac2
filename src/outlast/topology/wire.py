"""Wires members together: who requires what from whom, as the view that each renderer gets.

The wiring is the one source for backends, metric targets, certificates and firewall rules. Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from outlast.contract.bundle import Artifact
from outlast.contract.component import AnyComponent
from outlast.contract.interface import Endpoint, Provided, Reach, Required
from outlast.contract.registry import Registry
from outlast.contract.view import Floating, NodeView, Peer
from outlast.kernel.network import Destination
from outlast.site.schema import Site, Wish
from outlast.topology.topology import Member, Topology

LOOPBACK = "127.0.0.1"


class Wiring:
    """Reads one topology. `artifacts` holds the built release of each service that has one."""

    def __init__(
        self, site: Site, registry: Registry, topology: Topology, artifacts: Mapping[str, Artifact] | None = None
    ) -> None:
        self.site = site
        self.registry = registry
        self.topology = topology
        self.artifacts = artifacts or {}
        self._wishes = {wish.name: wish for wish in site.wishes}
        self._clients = {wish.name: self._clients_of(wish.name) for wish in site.wishes}

    def wish(self, service: str) -> Wish:
        """The owner's wish behind a service."""
        return self._wishes[service]

    def component(self, service: str) -> AnyComponent:
        """The component that implements a service."""
        return self.registry[self._wishes[service].component]

    def requires(self, service: str) -> tuple[Required, ...]:
        """What members of a service require."""
        return self.component(service).requires(self._wishes[service].options)

    def providers(self, service: str) -> tuple[str, ...]:
        """The services that a service uses, itself left out: the edges of the wiring graph."""
        wanted = {required.interface for required in self.requires(service)}
        return tuple(name for name in self._wishes if name != service and wanted & self._interfaces[name])

    def provided(self, member: Member) -> tuple[Provided, ...]:
        """What a member provides, itself and in the order of its component."""
        return self._provided[member.name]

    def calls(self, service: str) -> tuple[Destination, ...]:
        """The places outside the site that members of a service connect to."""
        calls = self.component(service).calls
        return calls(self._wishes[service].options) if calls else ()

    def view(self, member: Member) -> NodeView[Any]:
        """Everything that the renderer of one member may see."""
        machine = self.topology.machine_by_name[member.machine]
        return NodeView(
            site=self.site.site,
            domain=self.site.domain,
            service=member.service,
            datacenter=member.datacenter,
            member=member.name,
            index=member.index,
            machine=member.machine,
            address=machine.address,
            options=self._wishes[member.service].options,
            peers=self._peers[member.datacenter, member.service],
            ports=member.ports,
            endpoints=tuple(e for required in self.requires(member.service) for e in self._reached(member, required)),
            clients=self._clients[member.service],
            floating=self._floating.get(member.datacenter, ()),
            artifact=self.artifacts.get(member.service),
        )

    def _reached(self, member: Member, required: Required) -> tuple[Endpoint, ...]:
        served = self._served[required.interface]
        match required.reach:
            case Reach.SITE:
                return tuple(endpoint for group in served.values() for endpoint in group)
            case Reach.DATACENTER:
                return tuple(served[member.datacenter])
            case Reach.CLUSTER:
                group = served[member.datacenter]
                return tuple(e for e in group if e.service == member.service and e.member != member.name)
            case Reach.MACHINE:
                return self._on_machine.get((member.machine, required.interface), ())

    @cached_property
    def _provided(self) -> dict[str, tuple[Provided, ...]]:
        return {
            member.name: self.component(member.service).provides(self._wishes[member.service].options, member.index)
            for member in self.topology.members
        }

    @cached_property
    def _interfaces(self) -> dict[str, set[str]]:
        """Service to the interfaces that any of its members provides."""
        interfaces: dict[str, set[str]] = {name: set() for name in self._wishes}
        for member in self.topology.members:
            interfaces[member.service] |= {provided.interface for provided in self._provided[member.name]}
        return interfaces

    @cached_property
    def _served(self) -> dict[str, dict[str, list[Endpoint]]]:
        """Interface to data centre to the endpoints that can be reached from other machines."""
        served: dict[str, dict[str, list[Endpoint]]] = defaultdict(lambda: defaultdict(list))
        for member in self.topology.members:
            address = self.topology.machine_by_name[member.machine].address
            for provided in self._provided[member.name]:
                if not provided.loopback:
                    served[provided.interface][member.datacenter].append(_endpoint(member, provided, address))
        return served

    @cached_property
    def _on_machine(self) -> dict[tuple[str, str], tuple[Endpoint, ...]]:
        """(machine, interface) to the endpoints there, seen over loopback where they are bound to it."""
        found: dict[tuple[str, str], list[Endpoint]] = defaultdict(list)
        for member in self.topology.members:
            for provided in self._provided[member.name]:
                address = LOOPBACK if provided.loopback else self.topology.machine_by_name[member.machine].address
                found[member.machine, provided.interface].append(_endpoint(member, provided, address))
        return {key: tuple(endpoints) for key, endpoints in found.items()}

    @cached_property
    def _peers(self) -> dict[tuple[str, str], tuple[Peer, ...]]:
        address = {machine.name: machine.address for machine in self.topology.machines}
        return {
            key: tuple(Peer(m.name, m.index, m.machine, address[m.machine]) for m in members)
            for key, members in self.topology.clusters.items()
        }

    @cached_property
    def _floating(self) -> dict[str, tuple[Floating, ...]]:
        found: dict[str, list[Floating]] = defaultdict(list)
        for floating in self.topology.floating:
            found[floating.datacenter].append(Floating(floating.address, floating.home))
        return {datacenter: tuple(held) for datacenter, held in found.items()}

    def _clients_of(self, service: str) -> tuple[str, ...]:
        """The services that use `service`, directly or through others beside them (proxies have no accounts)."""
        found: set[str] = set()
        frontier = {service}
        while frontier:
            users = {name for name in self._wishes if set(self.providers(name)) & frontier} - found
            found |= users
            frontier = {name for name in users if self._passes_on(name)}
        return tuple(sorted(name for name in found if not self._passes_on(name)))

    def _passes_on(self, service: str) -> bool:
        """A member beside its consumers stands between them and what it uses itself."""
        return self.component(service).is_beside


def _endpoint(member: Member, provided: Provided, address: str) -> Endpoint:
    return Endpoint(
        interface=provided.interface,
        service=member.service,
        member=member.name,
        machine=member.machine,
        datacenter=member.datacenter,
        address=address,
        port=dict(member.ports)[provided.interface],
        http=provided.http,
        environment=provided.environment,
        transport=provided.transport,
    )
