"""How many members what scales has in each data centre: between the owner's bounds, and kept from one blueprint to the
next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from outlast.contract.registry import Registry
from outlast.site.schema import Site
from outlast.topology.topology import Topology

Sizes: TypeAlias = Mapping[tuple[str, str], int]
"""(data centre, service) to its number of members."""


def bounds(site: Site, registry: Registry) -> dict[str, tuple[int, int]]:
    """The least and the most members in each data centre of every service that scales."""
    found: dict[str, tuple[int, int]] = {}
    for wish in site.wishes:
        if scales := registry[wish.component].scales:
            scaling = scales(wish.options)
            found[wish.name] = (scaling.least, scaling.most)
    return found


def kept(
    site: Site, registry: Registry, parent: Topology | None, asked: Sizes | None = None
) -> dict[tuple[str, str], int]:
    """What scaling made of each service stays, unless `asked` says otherwise; always within the bounds of now."""
    sizes: dict[tuple[str, str], int] = {}
    before = parent.clusters if parent else {}
    for service, (least, most) in bounds(site, registry).items():
        for datacenter in site.datacenters:
            key = (datacenter, service)
            wanted = (asked or {}).get(key, len(before.get(key, ())))
            sizes[key] = min(max(wanted, least), most)
    return sizes
