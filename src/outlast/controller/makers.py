"""Who makes the machines of a site: the one table from `machines:` in the site file to a provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from outlast.blueprint.blueprint import Blueprint
from outlast.controller.store import Store
from outlast.kernel.errors import Finding
from outlast.machines.check import Check
from outlast.machines.nspawn import doctor as nspawn_doctor
from outlast.machines.nspawn.lab import Lab
from outlast.machines.nspawn.operator import Operator
from outlast.machines.nspawn.requirements import requirements
from outlast.machines.provider import Provider
from outlast.machines.ssh import doctor as ssh_doctor
from outlast.machines.ssh.keys import unusable
from outlast.machines.ssh.record import Record, Server
from outlast.machines.ssh.servers import Servers
from outlast.machines.vendor.client import Vendor
from outlast.machines.vendor.doors import Direct
from outlast.machines.vendor.hosting import Stand, host
from outlast.machines.vendor.keys import Keys, Vending, vending_in
from outlast.machines.vendor.line import Line
from outlast.seal.seal import Seal
from outlast.site.schema import Site


@dataclass(frozen=True, slots=True)
class Place:
    """One site on the operator's computer: its wish, the folder of its file, and its own folder for state."""

    site: Site
    home: Path
    state: Path


@dataclass(frozen=True, slots=True)
class Maker:
    """`provide` reaches for the machines, touching nothing; `lacking` says what this computer lacks for them (told
    whether machines will be made, for which there must be room); `examine` looks at everything that `up` will need.
    `host` sees to it that what controllers need of this computer runs, and answers the files, by their names below the
    site's state, with which `provide` reaches for the machines from a controller; None: only an operator reaches them.
    """

    provide: Callable[[Place], Provider]
    lacking: Callable[[Place, bool], tuple[Finding, ...]]
    examine: Callable[[Place, Blueprint], Awaitable[tuple[Check, ...]]]
    host: Callable[[Place, Blueprint], Awaitable[Mapping[str, bytes] | None]]


def maker(site: Site) -> Maker:
    """The maker of all machines of a site: the loader has seen to it that there is only one."""
    return MAKERS[next(iter(site.datacenters.values())).machines]


def is_handed_over(site: Site) -> bool:
    """Whether controllers can reach its machines: then they do what would otherwise wait for an operator."""
    return maker(site).host is not _host_nothing


def _lab(place: Place) -> Provider:
    vending = vending_in(place.state)
    return Lab(place.site.site, place.home, place.state) if vending is None else _vendor(place, vending)


def _vendor(place: Place, vending: Vending) -> Provider:
    """The lab as a controller has it: what makes machines runs elsewhere."""
    seal = Seal(place.state, place.site.site)
    keys, operator = Keys(place.state, seal), Operator(place.state / "ssh", seal)
    intent = Store(place.state).blueprint()
    machines = intent.topology.machines if intent else ()
    known = {machine.name: IPv4Address(machine.address) for machine in machines}
    return Vendor(Line(vending, keys.client), Direct(operator, keys.folder / "known_hosts", known))


def _lab_lacks(place: Place, making: bool) -> tuple[Finding, ...]:
    return requirements(making=making) if vending_in(place.state) is None else ()


async def _host_vendor(place: Place, blueprint: Blueprint) -> Mapping[str, bytes]:
    networks = {ground.datacenter: IPv4Network(ground.network) for ground in blueprint.topology.grounds}
    stand = Stand(place.site.site, place.home, place.state)
    return stand.keys.handed_over(await host(stand, networks, blueprint.packages))


async def _host_nothing(_place: Place, _blueprint: Blueprint) -> None:
    """Servers are reached with the owner's own key, which stays with the owner."""


def _servers(place: Place) -> Provider:
    networks = {name: IPv4Network(dc.network) for name, dc in place.site.datacenters.items() if dc.network}
    return Servers(place.site.site, networks, servers(place), Record(place.state))


def servers(place: Place) -> list[Server]:
    """The servers of a site, each with its login: what it says itself, otherwise what its data centre says."""
    return [
        Server(
            datacenter=name,
            address=IPv4Address(server.address),
            user=server.user or datacenter.user,
            # Relative to the site file, unless it begins with a slash or a tilde.
            key=place.home / Path(server.key or datacenter.key).expanduser(),
            port=server.port or datacenter.port,
            spare=server.spare,
            lost=server.lost,
        )
        for name, datacenter in place.site.datacenters.items()
        for server in datacenter.servers
    ]


def _servers_lack(place: Place, _making: bool) -> tuple[Finding, ...]:
    return tuple(unusable(server.key for server in servers(place)))


async def _examine_lab(place: Place, blueprint: Blueprint) -> tuple[Check, ...]:
    making = not (place.state / "blueprint.json").exists()
    return await nspawn_doctor.examine(blueprint.packages, len(blueprint.topology.machines), making=making)


async def _examine_servers(place: Place, blueprint: Blueprint) -> tuple[Check, ...]:
    keys = tuple(unusable(server.key for server in servers(place)))
    about = Check("this box", "the keys that servers are logged in with", keys)
    if keys:
        # Nobody can be logged in to: the same would be said of every server.
        return (about,)
    topology = blueprint.topology
    ports = {
        IPv4Address(machine.address): {
            port: member.name for member in topology.members_by_machine[machine.name] for _, port in member.ports
        }
        for machine in topology.machines
    }
    looked = await ssh_doctor.examine(place.site.site, servers(place), Record(place.state), ports)
    return about, *looked


MAKERS = {
    "lab": Maker(_lab, _lab_lacks, _examine_lab, _host_vendor),
    "ssh": Maker(_servers, _servers_lack, _examine_servers, _host_nothing),
}
