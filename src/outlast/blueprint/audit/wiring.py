"""Wiring: every required interface is provided."""

from __future__ import annotations

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.interface import Reach
from outlast.contract.registry import Registry
from outlast.kernel.errors import Finding
from outlast.site.schema import Site
from outlast.topology.wire import Wiring


def check(site: Site, registry: Registry, blueprint: Blueprint) -> list[Finding]:
    """Requirements that nobody serves."""
    wiring = Wiring(site, registry, blueprint.topology)
    findings: dict[tuple[str, str], Finding] = {}
    for member in blueprint.topology.members:
        reached = {endpoint.interface for endpoint in wiring.view(member).endpoints}
        for required in wiring.requires(member.service):
            if required.optional or required.reach is Reach.CLUSTER or required.interface in reached:
                continue
            findings[member.service, required.interface] = Finding(
                where=member.service,
                what=f"it uses `{required.interface}`, which nobody provides",
                why=f"{member.name} found no endpoint within its {required.reach}",
                fix=f"add what provides `{required.interface}` to the site file, or take it out of `uses`",
            )
    return list(findings.values())
