"""Machines: every wanted member has one, no two of a cluster share one, and no two parts own one file."""

from __future__ import annotations

from collections import Counter

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.component import InPool
from outlast.contract.registry import Registry
from outlast.kernel.errors import Finding
from outlast.site.schema import Site, Wish


def check(site: Site, registry: Registry, blueprint: Blueprint) -> list[Finding]:
    """Members without a machine, clusters that share one, files with two owners."""
    return [*_homeless(site, registry, blueprint), *_shared(blueprint), *_files(blueprint)]


def _homeless(site: Site, registry: Registry, blueprint: Blueprint) -> list[Finding]:
    findings: list[Finding] = []
    for wish in site.wishes:
        placement = registry[wish.component].placement
        if not isinstance(placement, InPool) or (wanted := placement.wanted(wish.options)) is None:
            continue
        for datacenter in site.datacenters:
            have = len(blueprint.topology.clusters.get((datacenter, wish.name), ()))
            if have < wanted:
                findings.append(_too_few(site, wish, datacenter, placement.pool, wanted, have))
    return findings


def _too_few(site: Site, wish: Wish, datacenter: str, pool: str, wanted: int, have: int) -> Finding:
    if site.footprint == "compact":
        return Finding(
            where=f"datacenters.{datacenter}",
            what=f"{wish.name} wants {wanted} members and gets {have}",
            why=f"`compact` has {have} machines, and no two members of a service share a machine",
            fix=f"write `footprint: spread`, or ask for fewer members of {wish.name}",
        )
    if site.datacenters[datacenter].servers:
        return Finding(
            where=f"datacenters.{datacenter}.servers",
            what=f"{wish.name} wants {wanted} members and gets {have}",
            why=f"{have} servers have the pool {pool}, and no two members of a service share a machine",
            fix=f"give {wanted} servers `pool: {pool}`, or ask for fewer members of {wish.name}",
        )
    return Finding(
        where=f"datacenters.{datacenter}.pools.{pool}",
        what=f"{wish.name} wants {wanted} members and gets {have}",
        why=f"pool {pool} has {have} machines, and no two members of a service share a machine",
        fix=f"make the pool at least {wanted} machines large, or ask for fewer members of {wish.name}",
    )


def _shared(blueprint: Blueprint) -> list[Finding]:
    seats = Counter((member.service, member.machine) for member in blueprint.topology.members)
    return [
        Finding(machine, f"holds {count} members of {service}", "one fault would take both", "give it more machines")
        for (service, machine), count in seats.items()
        if count > 1
    ]


def _files(blueprint: Blueprint) -> list[Finding]:
    findings: list[Finding] = []
    for bundle in blueprint.bundles:
        owners: dict[str, str] = {}
        for held in bundle.parts:
            for path in [file.path for file in held.part.files] + [service.name for service in held.part.services]:
                if path in owners:
                    why = f"{owners[path] or 'the base'} and {held.member} both write it"
                    findings.append(
                        Finding(bundle.machine, f"{path} has two owners", why, "report this: a component's fault")
                    )
                owners[path] = held.member
    return findings
