"""What healing must know of a blueprint: who lives where, and how many of whom can be done without. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry
from outlast.contract.scaling import Scaling
from outlast.policy.shape import Cluster, Shape
from outlast.site.schema import Site
from outlast.topology.leeway import Leeway
from outlast.topology.sizes import scaling_at


def outline(blueprint: Blueprint, registry: Registry) -> Shape:
    """The shape of a site as its blueprint has it."""
    clusters: list[Cluster] = []
    after = {stage.name: stage.after for stage in blueprint.stages}
    for (datacenter, service), members in sorted(blueprint.topology.clusters.items()):
        component = registry[members[0].component]
        # Of what has one member only, that one may be taken: it serves nobody while it is ill.
        needed = min(component.needed(len(members)), len(members) - 1)
        names = tuple(member.name for member in members)
        name = f"{datacenter}/{service}"
        keeps = component.steward is not None
        clusters.append(Cluster(name, names, needed, keeps=keeps, uses=after.get(name, ())))
    return Shape(tuple(clusters), {member.name: member.machine for member in blueprint.topology.members})


def scalings(site: Site, registry: Registry, moment: datetime, leeways: Collection[Leeway] = ()) -> dict[str, Scaling]:
    """By what each cluster that scales follows its load then; `east/web` is the service web in the data centre east."""
    now = scaling_at(site, registry, moment, leeways)
    return {f"{name}/{service}": scaling for service, scaling in now.items() for name in growing(site)}


def growing(site: Site) -> tuple[str, ...]:
    """The data centres where machines can be had: servers of the owner and a compact site are as many as they are."""
    if site.footprint == "compact":
        return ()
    return tuple(name for name, datacenter in site.datacenters.items() if not datacenter.servers)
