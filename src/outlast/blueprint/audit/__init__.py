"""Everything that can be wrong with a blueprint, checked by code that did not make it. Pure."""

from __future__ import annotations

from outlast.blueprint.audit import addresses, alone, machines, unread, wiring
from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry
from outlast.kernel.errors import Finding
from outlast.site.schema import Site


def audit(site: Site, registry: Registry, blueprint: Blueprint) -> tuple[Finding, ...]:
    """Every finding of every check, in the order of the checks."""
    dependence = Dependence(site, registry, blueprint.topology)
    return (
        *wiring.check(blueprint, dependence),
        *addresses.check(site, registry, blueprint),
        *machines.check(site, registry, blueprint),
        *alone.check(site, registry, blueprint, dependence),
        *unread.check(site, blueprint),
    )
