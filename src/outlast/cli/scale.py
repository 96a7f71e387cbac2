"""`outlast scale`: how many members what scales has, and other numbers of them now."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.carry import carried_out
from outlast.cli.options import SITE_FILE, AsJson, Environment, LockWait, Quiet, SiteFile, Verbose
from outlast.cli.output import out, print_json
from outlast.cli.target import applied
from outlast.controller.lease import operator
from outlast.controller.outcome import Outcome, Terms
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Finding, Invalid
from outlast.topology.sizes import bounds, scaling_at


@dataclass(frozen=True, slots=True)
class Size:
    """The members of one service in one data centre, and between which numbers they follow their load now; `season`:
    the time of its schedule that makes it so, empty for none."""

    service: str
    datacenter: str
    members: int
    least: int
    most: int
    season: str


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(scale)


def scale(
    app: Annotated[str, typer.Argument(help="The app; left out: show all.")] = "",
    members: Annotated[int, typer.Argument(help="How many members it gets in each data centre, now.")] = 0,
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = 0.0,
) -> int:
    """Show how many members each app has, or give one another number of them now.

    The controllers go on from there: they add members at once when the load asks for it, and take them away when it has
    been low for as long as `calm` in the site file says.
    """
    workspace = open_workspace(file, environment)
    if not (app and members):
        asyncio.run(workspace.catch_up())
        sizes = _sizes(workspace, applied(workspace))
        wanted = [size for size in sizes if app in ("", size.service)]
        if app and not wanted:
            raise Invalid(_no_app(app, sizes))
        print_json({"sizes": wanted}) if json else out.print(_table(wanted))
        return 0
    with workspace.store.lock("scale", lock_wait):
        blueprint, outcome = asyncio.run(_scale(workspace, app, members, lock_wait, quiet=quiet, verbose=verbose))
    if json:
        print_json({"generation": blueprint.generation, "done": outcome.done, "sizes": _sizes(workspace, blueprint)})
    elif outcome.done:
        out.print(f"[green]●[/] {app} has {members} members in each data centre: generation {blueprint.generation}")
    else:
        out.print(f"[green]●[/] nothing to change: {app} has {members} members in each data centre")
    return 0


async def _scale(
    workspace: Workspace, app: str, members: int, wait: float, *, quiet: bool, verbose: bool
) -> tuple[Blueprint, Outcome]:
    await workspace.catch_up()
    before = applied(workspace)
    _refuse(workspace, before, app, members)
    after = workspace.resized(before, {(datacenter, app): members for datacenter in workspace.site.datacenters})
    if after.digest == before.digest:
        return before, Outcome((), ())
    return after, await carried_out(workspace, after, Terms(operator("scale"), wait), quiet=quiet, verbose=verbose)


def _refuse(workspace: Workspace, blueprint: Blueprint, app: str, members: int) -> None:
    """Raises `Invalid` for an app that does not exist, and for a number that the site file does not allow."""
    known = bounds(workspace.site, workspace.registry)
    if app not in known:
        raise Invalid(_no_app(app, _sizes(workspace, blueprint)))
    least, most = known[app]
    if not least <= members <= most:
        why = f"the site file allows {least} to {most}"
        fix = f"write other bounds in `apps.{app}.scale` of the site file, and run `outlast up`"
        where = workspace.loaded.places.where("apps", app, "scale")
        raise Invalid(Finding(where, f"{app} cannot have {members} members", why, fix))


def _sizes(workspace: Workspace, blueprint: Blueprint) -> tuple[Size, ...]:
    clusters = blueprint.topology.clusters
    now = scaling_at(workspace.site, workspace.registry, datetime.now(UTC))
    return tuple(
        Size(
            service,
            datacenter,
            len(clusters.get((datacenter, service), ())),
            scaling.least,
            scaling.most,
            scaling.because,
        )
        for service, scaling in now.items()
        for datacenter in workspace.site.datacenters
    )


def _table(sizes: list[Size]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("app", "data centre", "members", "bounds"):
        table.add_column(title)
    for size in sizes:
        season = f" ({size.season})" if size.season else ""
        table.add_row(size.service, size.datacenter, str(size.members), f"{size.least} to {size.most}{season}")
    return table


def _no_app(app: str, sizes: tuple[Size, ...]) -> Finding:
    known = ", ".join(sorted({size.service for size in sizes})) or "none"
    return Finding(app, "the site has no app of that name that scales", f"those that do: {known}", "name one of them")
