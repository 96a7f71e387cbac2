"""How many members what scales has in each data centre: between the owner's bounds, and kept from one blueprint to the
next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TypeAlias

from outlast.contract.registry import Registry
from outlast.contract.scaling import Metric, Scaling
from outlast.site.schema import Site
from outlast.topology.leeway import Leeway, narrowed
from outlast.topology.topology import Topology

Sizes: TypeAlias = Mapping[tuple[str, str], int]
"""(data centre, service) to its number of members."""


def bounds(site: Site, registry: Registry) -> dict[str, tuple[int, int]]:
    """The least and the most members that every service that scales may ever have in each data centre."""
    found: dict[str, tuple[int, int]] = {}
    for wish in site.wishes:
        if scales := registry[wish.component].scales:
            found[wish.name] = scales(wish.options).bounds
    return found


def metrics(site: Site, registry: Registry) -> dict[str, Metric]:
    """The figures of their own that services scale by."""
    each = ((wish.name, registry[wish.component].scales, wish.options) for wish in site.wishes)
    return {name: metric for name, scales, options in each if scales and (metric := scales(options).metric)}


def scaling_at(
    site: Site, registry: Registry, moment: datetime, leeways: Collection[Leeway] = ()
) -> dict[str, Scaling]:
    """By what every service that scales follows its load then."""
    each = ((wish.name, registry[wish.component].scales, wish.options) for wish in site.wishes)
    return {name: narrowed(scales(options).at(moment), name, leeways) for name, scales, options in each if scales}


def kept(
    site: Site, registry: Registry, parent: Topology | None, asked: Sizes | None = None
) -> dict[tuple[str, str], int]:
    """What scaling made of each service stays, unless `asked` says otherwise; always within what there may ever be."""
    sizes: dict[tuple[str, str], int] = {}
    before = parent.clusters if parent else {}
    for service, (least, most) in bounds(site, registry).items():
        for datacenter in site.datacenters:
            key = (datacenter, service)
            wanted = (asked or {}).get(key, len(before.get(key, ())))
            sizes[key] = min(max(wanted, least), most)
    return sizes
