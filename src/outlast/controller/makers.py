"""Who makes the machines of a site: the one table from `machines:` in the site file to a provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.nspawn.lab import Lab
from outlast.machines.nspawn.requirements import requirements
from outlast.machines.provider import Provider
from outlast.site.schema import Site


@dataclass(frozen=True, slots=True)
class Place:
    """One site on the operator's computer: its wish, the folder of its file, and its own folder for state."""

    site: Site
    home: Path
    state: Path


@dataclass(frozen=True, slots=True)
class Maker:
    """`provide` reaches for the machines, touching nothing; `lacking` says what this computer lacks for them.

    Its second argument says whether machines will be made, for which there must be room.
    """

    provide: Callable[[Place], Provider]
    lacking: Callable[[Place, bool], tuple[Finding, ...]]


def maker(site: Site) -> Maker:
    """The maker of all machines of a site: the loader has seen to it that there is only one."""
    return MAKERS[next(iter(site.datacenters.values())).machines]


def _lab(place: Place) -> Provider:
    return Lab(place.site.site, place.home, place.state)


def _lab_lacks(_place: Place, making: bool) -> tuple[Finding, ...]:
    return requirements(making=making)


def _no_servers(place: Place) -> Provider:
    why = "this version checks and plans such sites only"
    raise OutlastError(Finding(place.site.site, "servers cannot be reached yet", why, "write `machines: lab`"))


def _servers_lack(_place: Place, _making: bool) -> tuple[Finding, ...]:
    return ()


MAKERS = {
    "lab": Maker(_lab, _lab_lacks),
    "ssh": Maker(_no_servers, _servers_lack),
}
