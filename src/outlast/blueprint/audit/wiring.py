"""Wiring: every required interface is provided, and no cluster is too large for a mesh."""

from __future__ import annotations

from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.blueprint import Blueprint
from outlast.kernel.errors import Finding, Severity

# Compiled in seconds up to here (35 MiB of text for two meshes of 485 members, 0.8 GiB for eight of 1227).
MOST_IN_MESH = 500


def check(blueprint: Blueprint, dependence: Dependence) -> list[Finding]:
    """Requirements that nobody serves, and members that all talk to each other where they are too many for it."""
    return [*_unserved(blueprint, dependence), *_meshes(dependence)]


def _unserved(blueprint: Blueprint, dependence: Dependence) -> list[Finding]:
    return list(
        {
            (member.service, required.interface): Finding(
                where=member.service,
                what=f"it uses `{required.interface}`, which nobody provides",
                why=f"{member.name} found no endpoint within its {required.reach}",
                fix=f"add what provides `{required.interface}` to the site file, or take it out of `uses`",
            )
            for member in blueprint.topology.members
            for required in dependence.unmet(member)
        }.values()
    )


def _meshes(dependence: Dependence) -> list[Finding]:
    return [
        Finding(
            where=f"datacenters.{cluster.datacenter}",
            what=f"{len(cluster.members)} members of {cluster.service} all talk to each other",
            why=f"what they must know of each other grows with the square; {MOST_IN_MESH} are known to be reasonable",
            fix=f"put what needs {cluster.service} on fewer machines, or spread it over more data centres",
            severity=Severity.WARNING,
        )
        for cluster in dependence.clusters.values()
        if len(cluster.members) > MOST_IN_MESH and dependence.is_mesh(cluster)
    ]
