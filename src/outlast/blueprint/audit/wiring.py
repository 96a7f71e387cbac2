"""Wiring: every required interface is provided."""

from __future__ import annotations

from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.blueprint import Blueprint
from outlast.kernel.errors import Finding


def check(blueprint: Blueprint, dependence: Dependence) -> list[Finding]:
    """Requirements that nobody serves."""
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
