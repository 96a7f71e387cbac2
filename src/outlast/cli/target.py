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
        fix = f"run `{up_of(workspace)}` first"
        raise OutlastError(Finding(workspace.site.site, "the site is not up", "nothing was applied yet", fix))
    return blueprint


def called(workspace: Workspace) -> str:
    """The site by its name, and which environment of its file it is where the file has some."""
    site, loaded = workspace.site.site, workspace.loaded
    if loaded.environment:
        return f"{site} (environment {loaded.environment})"
    return f"{site} (no environment)" if loaded.environments else site


def up_of(workspace: Workspace) -> str:
    """The command that brings this site up."""
    return f"outlast up -e {workspace.environment}" if workspace.environment else "outlast up"


def named(workspace: Workspace) -> dict[str, str]:
    """The same for a document."""
    return {"site": workspace.site.site, "environment": workspace.environment}


def machine_of(blueprint: Blueprint, name: str) -> str:
    """The machine of that name, or the one that a member of that name is on. Raises `Invalid` otherwise."""
    topology = blueprint.topology
    if name in topology.machine_by_name:
        return name
    if name in topology.member_by_name:
        return topology.member_by_name[name].machine
    raise Invalid(_unknown(name, [*topology.machine_by_name, *topology.member_by_name], "machine or member"))


def app_of(workspace: Workspace, name: str) -> str:
    """The app that is meant; without a name the only one. Raises `Invalid`."""
    wishes = [wish for wish in workspace.site.wishes if workspace.registry[wish.component].changeover]
    names = [wish.name for wish in wishes]
    if name in names:
        return name
    if not name and len(names) == 1:
        return names[0]
    what = "the site has no app of that name" if name else "which app?"
    known = ", ".join(names) or "none"
    raise Invalid(Finding(name or workspace.site.site, what, f"its apps: {known}", "name one of them"))


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
