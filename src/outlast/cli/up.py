"""`outlast up`: the site file becomes a running site."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Annotated

import typer
from rich.markup import escape

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.options import SITE_FILE, AsJson, LockWait, Quiet, SiteFile, Verbose, Yes
from outlast.cli.output import err, out, print_json
from outlast.cli.progress import shown
from outlast.cli.workspace import Workspace, open_workspace
from outlast.controller.up import Outcome, Up
from outlast.kernel.errors import Finding, Invalid, OutlastError
from outlast.status import urls


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(up)


def up(
    file: SiteFile = SITE_FILE,
    yes: Yes = False,
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = 0.0,
    timings: Annotated[bool, typer.Option("--timings", help="Show where the time went.")] = False,
) -> None:
    """Make the site as its file says: machines, engines, releases. Run again, it changes only what differs."""
    began = time.monotonic()
    workspace = open_workspace(file)
    workspace.require(making=workspace.store.blueprint() is None)
    with workspace.store.lock("up", lock_wait):
        blueprint, outcome = asyncio.run(_up(workspace, yes=yes or json, verbose=verbose, quiet=quiet))
    seconds = time.monotonic() - began
    if json:
        document = {"site": workspace.site.site, "generation": blueprint.generation, "done": outcome.done}
        print_json({**document, "seconds": round(seconds, 2), "urls": urls(blueprint), "timings": outcome.spans})
        return
    _print(workspace, blueprint, outcome, seconds, timings=timings, verbose=verbose)


async def _up(workspace: Workspace, *, yes: bool, verbose: bool, quiet: bool) -> tuple[Blueprint, Outcome]:
    before = workspace.store.blueprint()
    blueprint, wanted = workspace.compile(await workspace.grounds())
    _agree(before, blueprint, yes=yes)
    workspace.store.keep(blueprint)
    builds = {release.artifact.name: release.order for release in wanted.values()}
    with shown(blueprint, quiet=quiet, verbose=verbose) as emit:
        work = Up(blueprint, workspace.registry, workspace.provider, workspace.vault, builds, emit)
        return blueprint, await work.run()


def _agree(before: Blueprint | None, after: Blueprint, *, yes: bool) -> None:
    """Ask before machines are removed: what they hold goes with them."""
    gone = sorted(set(before.bundle_by_machine) - set(after.bundle_by_machine)) if before else []
    if not gone or yes:
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
        if verbose:
            out.print("\n".join(f"  {escape(line)}" for line in outcome.done))
        out.print(f"[green]●[/] {workspace.site.site} is up: generation {blueprint.generation}, in {seconds:.1f} s")
    else:
        out.print(f"[green]●[/] nothing to change: generation {blueprint.generation} is in place ({seconds:.1f} s)")
    for url in urls(blueprint):
        out.print(f"  [bold]{url}[/]")
    out.print(f"  [dim]trust its certificate with {workspace.vault.authority_path}[/]")
