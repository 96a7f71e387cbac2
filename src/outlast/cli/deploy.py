"""`outlast deploy` and `rollback`: the next release of an app takes over, or the one before comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated

import typer
from rich.markup import escape

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.diff import diff
from outlast.cli.carry import carried_out
from outlast.cli.options import SITE_FILE, AsJson, Environment, LockWait, Quiet, SiteFile, Verbose
from outlast.cli.output import out, print_json
from outlast.cli.target import app_of, applied
from outlast.contract.bundle import Artifact
from outlast.controller.lease import operator
from outlast.controller.outcome import Outcome, Terms
from outlast.controller.shipments import Fate, Shipment, before, releases_of
from outlast.controller.source import RELEASES, handed
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Finding, Invalid
from outlast.kernel.invalid import Fault
from outlast.kernel.units import parse_duration, parse_share
from outlast.machines.provider import BuildOrder

# Whoever deploys while another does wants to be next, not to be refused.
TURN = 900.0
App = Annotated[str, typer.Argument(help="The app.")]


def register(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command()(deploy)
    app.command()(rollback)


def deploy(
    app: App = "",
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be shipped; change nothing.")] = False,
    canary: Annotated[str, typer.Option("--canary", help="First share of the requests, such as 5%.")] = "",
    watch: Annotated[str, typer.Option("--watch", help="How long each step is watched, such as 30s.")] = "",
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = TURN,
) -> int:
    """Ship the source of an app as it is now: build it once, start it beside what runs, let it take over.

    No request is lost. A release that is not healthy, or does worse than the one before, is taken back.
    """
    workspace = open_workspace(file, environment)
    service = app_of(workspace, app)
    release = workspace.compiler.releases()[service]
    builds = {release.artifact.name: release.order}
    terms = Terms(
        operator("deploy"),
        lock_wait,
        canary=_said(canary, parse_share, "--canary"),
        watch=_said(watch, parse_duration, "--watch"),
        yields=True,
    )
    asked = _Asked(workspace, service, "deploy", quiet, verbose, json)
    if dry_run:
        return asyncio.run(_rehearse(asked, release.artifact))
    return _ship(asked, release.artifact, builds, terms)


def rollback(
    app: App = "",
    release: Annotated[str, typer.Argument(help="The release, or the start of its name; left out: the last one.")] = "",
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = TURN,
) -> int:
    """Put the release of before back in place. It takes over at once; `up` keeps it until the next `deploy`."""
    workspace = open_workspace(file, environment, sources=False)
    service = app_of(workspace, app)
    current = releases_of(applied(workspace))[service].digest
    wanted = _wanted(workspace, service, current, release)
    artifact = Artifact(service, wanted, f"{RELEASES}/{service}/{wanted}")
    builds = {service: handed(artifact, workspace.store)}
    terms = Terms(operator("rollback"), lock_wait, watch=0.0, proven=True)
    return _ship(_Asked(workspace, service, "rollback", quiet, verbose, json), artifact, builds, terms, leaving=current)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for."""

    workspace: Workspace
    service: str
    verb: str
    quiet: bool
    verbose: bool
    json: bool


def _ship(asked: _Asked, artifact: Artifact, builds: dict[str, BuildOrder], terms: Terms, *, leaving: str = "") -> int:
    began = time.monotonic()
    workspace = asked.workspace
    with workspace.store.lock(asked.verb, terms.wait):
        workspace.vault.take_over()
        blueprint, outcome = asyncio.run(_carried_out(asked, artifact, builds, terms))
        if leaving and leaving != artifact.digest:
            entry = Shipment(asked.service, leaving, Fate.LEFT, *_last(workspace, asked.service))
            workspace.store.shipments.note(entry)
    seconds = time.monotonic() - began
    if asked.json:
        document = {"app": asked.service, "release": artifact.digest, "generation": blueprint.generation}
        print_json({**document, "seconds": round(seconds, 2), "done": outcome.done, "timings": outcome.spans})
        return 0
    for line in outcome.done if asked.verbose else ():
        out.print(f"  {escape(line)}")
    said = f"serves release {artifact.digest}" if outcome.done else f"serves release {artifact.digest} already"
    out.print(f"[green]●[/] {asked.service} {said}: generation {blueprint.generation}, in {seconds:.1f} s")
    return 0


async def _carried_out(
    asked: _Asked, artifact: Artifact, builds: dict[str, BuildOrder], terms: Terms
) -> tuple[Blueprint, Outcome]:
    workspace = asked.workspace
    await workspace.catch_up()
    now = applied(workspace)
    after = workspace.compiler.released(now, artifact, asked.service)
    homes = frozenset(member.machine for member in after.topology.members if member.service == asked.service)
    governors = {wish.name for wish in workspace.site.wishes if workspace.registry[wish.component].governs}
    told = frozenset(member.machine for member in after.topology.members if member.service in governors)
    # Nobody else's health is waited for: who goes back to what served before may be in a hurry.
    members = frozenset(member.name for member in after.topology.members if member.service == asked.service)
    there = replace(terms, only=homes, about=members, told=told)
    every = {**workspace.held_builds(after), **builds}
    workspace.vault.take(workspace.find_secrets(after, asked.service))
    return after, await carried_out(workspace, after, there, every, quiet=asked.quiet, verbose=asked.verbose)


async def _rehearse(asked: _Asked, artifact: Artifact) -> int:
    workspace = asked.workspace
    await workspace.catch_up()
    now = applied(workspace)
    after = workspace.compiler.released(now, artifact, asked.service)
    changes = diff(now, after)
    built = workspace.store.release(artifact.name, artifact.digest).exists()
    if asked.json:
        print_json({"app": asked.service, "release": artifact.digest, "built": built, "changes": changes})
        return 0
    running = releases_of(now).get(asked.service)
    if running and running.digest == artifact.digest:
        out.print(f"[green]●[/] {asked.service} serves release {artifact.digest} already")
        return 0
    how = "is built already" if built else "would be built"
    out.print(f"[yellow]◐[/] release {artifact.digest} of {asked.service} {how}, and take over on:")
    for change in changes:
        out.print(f"  {change.machine}")
    return 0


def _said(text: str, parse: Callable[[object], float], option: str) -> float | None:
    """The value of an option; None when it was left out. Raises `Invalid`."""
    try:
        return parse(text) if text else None
    except Fault as fault:
        raise Invalid(Finding(option, fault.what, fault.why, fault.fix)) from None


def _wanted(workspace: Workspace, service: str, current: str, asked: str) -> str:
    """The release that is meant. Raises `Invalid` when there is none."""
    shipped = workspace.store.shipments.all()
    known = dict.fromkeys(each.release for each in shipped if each.app == service and each.fate is Fate.IN_PLACE)
    found = (
        [release for release in known if release.startswith(asked)] if asked else [before(shipped, service, current)]
    )
    if len(found) == 1 and found[0] and workspace.store.release(service, found[0]).exists():
        return found[0]
    why = "nothing else was in place before" if not asked else f"known: {', '.join(known) or 'none'}"
    if len(found) == 1 and found[0]:
        why = f"{found[0]} is no longer kept here"
    fix = "see `outlast releases`, or check out the source of before and run `outlast deploy`"
    raise Invalid(Finding(service, "there is no release to go back to", why, fix))


def _last(workspace: Workspace, service: str) -> tuple[str, str]:
    """When the newest entry of an app was made, and by whom."""
    newest = [each for each in workspace.store.shipments.all() if each.app == service][-1]
    return newest.at, newest.by
