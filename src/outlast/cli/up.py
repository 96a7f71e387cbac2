"""`outlast up`: the site file becomes a running site."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.carry import carried_out
from outlast.cli.options import SITE_FILE, AsJson, Environment, LockWait, Quiet, SiteFile, Verbose, Yes
from outlast.cli.output import as_json, err, out, print_findings, print_json
from outlast.cli.saved import plan_of, read_plan, stale
from outlast.cli.target import called, machine_of, named
from outlast.controller.drift import drift
from outlast.controller.lease import operator
from outlast.controller.outcome import Outcome, Terms
from outlast.controller.owner import changes
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Finding, Invalid, OutlastError
from outlast.status import urls


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(up)


def up(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    yes: Yes = False,
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = 0.0,
    timings: Annotated[bool, typer.Option("--timings", help="Show where the time went.")] = False,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="Do what `plan --out` saved, or nothing.", metavar="PLAN")
    ] = None,
    replace: Annotated[
        str, typer.Option("--replace", help="Remove this machine and make it anew.", metavar="MACHINE")
    ] = "",
) -> int:
    """Make the site as its file says: machines, engines, releases. Run again, it changes only what differs."""
    began = time.monotonic()
    workspace = open_workspace(file, environment)
    workspace.require(making=workspace.store.blueprint() is None)
    asked = _Asked(yes or json, verbose, quiet, lock_wait, plan, replace)
    with workspace.store.lock("up", lock_wait):
        workspace.vault.take_over()
        blueprint, outcome = asyncio.run(_up(workspace, asked))
    seconds = time.monotonic() - began
    if json:
        document = {**named(workspace), "generation": blueprint.generation, "done": outcome.done}
        more = {"mended": outcome.mended, "urls": urls(blueprint), "timings": outcome.spans}
        print_json({**document, "seconds": round(seconds, 2), **more, **as_json(outcome.findings)})
    else:
        _print(workspace, blueprint, outcome, seconds, timings=timings, verbose=verbose)
        print_findings(outcome.findings)
    return 1 if outcome.findings else 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for."""

    yes: bool
    verbose: bool
    quiet: bool
    wait: float
    plan: Path | None
    replace: str


async def _up(workspace: Workspace, asked: _Asked) -> tuple[Blueprint, Outcome]:
    await workspace.catch_up()
    before = workspace.store.blueprint()
    blueprint, wanted = workspace.compiler.compile(await workspace.grounds())
    replaced = machine_of(blueprint, asked.replace) if asked.replace else ""
    secrets = workspace.find_secrets(blueprint)
    if asked.plan is not None:
        await _refuse_stale(workspace, before, blueprint, secrets, asked.plan)
    if not asked.yes:
        _agree([replaced] if replaced else await _leaving(workspace, before, blueprint))
    builds = {release.artifact.name: release.order for release in wanted.values()}
    workspace.vault.take(secrets)

    terms = Terms(operator("up"), asked.wait, replace=replaced)
    return blueprint, await carried_out(workspace, blueprint, terms, builds, quiet=asked.quiet, verbose=asked.verbose)


async def _refuse_stale(
    workspace: Workspace, before: Blueprint | None, after: Blueprint, secrets: Mapping[str, str], path: Path
) -> None:
    """Raises `Invalid` when the saved plan is not what would happen now."""
    saved = read_plan(path)
    drifts = await drift(before, workspace.registry, workspace.provider, workspace.vault) if before else ()
    findings = stale(saved, plan_of(before, after, drifts, changes(workspace.vault, secrets, after)), str(path))
    if findings:
        raise Invalid(*findings)


async def _leaving(workspace: Workspace, before: Blueprint | None, after: Blueprint) -> list[str]:
    """The machines that would be removed: those of the last blueprint, and those that nobody knows."""
    there = {machine.name for machine in await workspace.provider.list()}
    return sorted((there | set(before.bundle_by_machine if before else ())) - set(after.bundle_by_machine))


def _agree(gone: list[str]) -> None:
    """Ask before machines are removed: what they hold goes with them."""
    if not gone:
        return
    if not sys.stdin.isatty():
        why = f"{', '.join(gone)} would be removed with all they hold, and nobody can be asked"
        raise Invalid(Finding("up", "it needs your word", why, "look at `outlast plan`, then add --yes"))
    err.print(f"{', '.join(gone)} will be removed with all they hold.")
    if not typer.confirm("Go on?", err=True):
        raise OutlastError(Finding("up", "not agreed to", "the answer was no", "nothing was changed"))


def _print(
    workspace: Workspace, blueprint: Blueprint, outcome: Outcome, seconds: float, *, timings: bool, verbose: bool
) -> None:
    if timings or verbose:
        for span in outcome.spans:
            out.print(f"[dim]{span.start:6.1f} s  {span.end - span.start:6.1f} s  {escape(span.name)}[/]")
    if outcome.done:
        for line in outcome.done if verbose else outcome.mended:
            out.print(f"  {escape(line)}")
        out.print(f"[green]●[/] {called(workspace)} is up: generation {blueprint.generation}, in {seconds:.1f} s")
    else:
        out.print(f"[green]●[/] nothing to change: generation {blueprint.generation} is in place ({seconds:.1f} s)")
    for service, shipment in workspace.compiler.refused().items():
        out.print(f"  [yellow]◐[/] {service} stays as it is: release {shipment.release} was {shipment.fate}")
        out.print(f"    [dim]`outlast deploy {service}` tries it again[/]")
    for url in urls(blueprint):
        out.print(f"  [bold]{url}[/]")
    out.print(f"  [dim]trust its certificate with {workspace.vault.authority_path}[/]")
