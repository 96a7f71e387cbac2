"""Finds what a person means by a name: a machine, a member, a service, a component or a pool of the running site."""

from __future__ import annotations

import difflib

from outlast.blueprint.blueprint import Blueprint
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import Finding, Invalid, OutlastError
from outlast.topology.topology import Member


def applied(workspace: Workspace) -> Blueprint:
    """The blueprint that was applied last. Raises `OutlastError` when the site was never up."""
    blueprint = workspace.store.blueprint()
    if blueprint is None:
        fix = "run `outlast up` first"
        raise OutlastError(Finding(workspace.site.site, "the site is not up", "nothing was applied yet", fix))
    return blueprint


def machine_of(blueprint: Blueprint, name: str) -> str:
    """The machine of that name, or the one that a member of that name is on. Raises `Invalid` otherwise."""
    topology = blueprint.topology
    if name in topology.machine_by_name:
        return name
    if name in topology.member_by_name:
        return topology.member_by_name[name].machine
    raise Invalid(_unknown(name, [*topology.machine_by_name, *topology.member_by_name], "machine or member"))


def members_of(blueprint: Blueprint, name: str) -> tuple[Member, ...]:
    """Every member that `name` stands for. Raises `Invalid` when it stands for none."""
    pools = {machine.name: machine.pool for machine in blueprint.topology.machines}
    found = tuple(
        member
        for member in blueprint.topology.members
        if name in (member.name, member.service, member.component, member.machine, pools[member.machine])
    )
    if not found:
        members = blueprint.topology.members
        known = {n for m in members for n in (m.name, m.service, m.component, m.machine, pools[m.machine])}
        raise Invalid(_unknown(name, sorted(known), "machine, member, service, component or pool"))
    return found


def _unknown(name: str, known: list[str], kinds: str) -> Finding:
    close = difflib.get_close_matches(name, known, n=1)
    fix = f"did you mean {close[0]}?" if close else f"choose one of: {', '.join(sorted(known))}"
    return Finding(name, f"the site has no such {kinds}", "no part of it bears that name", fix)
