"""`outlast scale`: how many members what scales has, another number of them now, or between how many it may have."""

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
from outlast.topology.leeway import AUTO, Asked, Leeway, narrowed, refused, said, understood
from outlast.topology.sizes import scaling_at


@dataclass(frozen=True, slots=True)
class Row:
    """The members of one service in one data centre, and between which numbers they follow their load now; `season`:
    the time of its schedule that makes it so, `asked`: what an operator said until further notice; empty for none."""

    service: str
    datacenter: str
    members: int
    least: int
    most: int
    season: str
    asked: str


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(scale)


def scale(
    app: Annotated[str, typer.Argument(help="The app; left out: show all.")] = "",
    size: Annotated[
        str,
        typer.Argument(
            help="`4`: so many members in each data centre, now. `3..6`: between so many by its load, until further "
            "notice. `auto`: as the site file says."
        ),
    ] = "",
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = 0.0,
) -> int:
    """Show how many members each app has, give one another number of them now, or narrow what it may have.

    The controllers go on from there: they add members at once when the load asks for it, and take them away when it has
    been low for as long as `calm` in the site file says.
    """
    workspace = open_workspace(file, environment)
    if not (app and size):
        asyncio.run(workspace.catch_up())
        sizes = _sizes(workspace, applied(workspace))
        wanted = [each for each in sizes if app in ("", each.service)]
        if app and not wanted:
            raise Invalid(_no_app(app, sizes))
        print_json({"sizes": wanted}) if json else out.print(_table(wanted))
        return 0
    asked = understood(app, size)
    with workspace.store.lock("scale", lock_wait):
        blueprint, outcome = asyncio.run(_scale(workspace, app, asked, lock_wait, quiet=quiet, verbose=verbose))
    sizes = _sizes(workspace, blueprint)
    if json:
        print_json({"generation": blueprint.generation, "done": outcome.done if outcome else (), "sizes": sizes})
        return 0
    what = _told(app, asked, sizes)
    if outcome:
        out.print(f"[green]●[/] {what}: generation {blueprint.generation}")
    else:
        out.print(f"[green]●[/] nothing to change: {what}")
    return 0


async def _scale(
    workspace: Workspace, app: str, size: Asked, wait: float, *, quiet: bool, verbose: bool
) -> tuple[Blueprint, Outcome | None]:
    """The blueprint, and what came of carrying it out; None when it was in place."""
    await workspace.catch_up()
    before = applied(workspace)
    _refuse(workspace, before, app, size)
    after = _after(workspace, before, app, size)
    if after.digest == before.digest:
        return before, None
    return after, await carried_out(workspace, after, Terms(operator("scale"), wait), quiet=quiet, verbose=verbose)


def _after(workspace: Workspace, before: Blueprint, app: str, size: Asked) -> Blueprint:
    datacenters = workspace.site.datacenters
    if isinstance(size, int):
        return workspace.compiler.resized(before, {(datacenter, app): size for datacenter in datacenters})
    sizes: dict[tuple[str, str], int] = {}
    if size is not None:
        have = {(name, app): len(before.topology.clusters.get((name, app), ())) for name in datacenters}
        sizes = {key: min(max(members, size.least), size.most) for key, members in have.items()}
    return workspace.compiler.resized(before, sizes, said(before.leeways, app, size))


def _refuse(workspace: Workspace, blueprint: Blueprint, app: str, size: Asked) -> None:
    """Raises `Invalid` for an app that does not exist, and for a size that it cannot have."""
    now = scaling_at(workspace.site, workspace.registry, datetime.now(UTC))
    if app not in now:
        raise Invalid(_no_app(app, _sizes(workspace, blueprint)))
    if isinstance(size, Leeway) and app not in workspace.compiler.followed:
        raise Invalid(_not_followed(app))
    where = workspace.loaded.places.where("apps", app, "scale")
    if finding := refused(app, size, now[app], blueprint.leeways, where):
        raise Invalid(finding)


def _sizes(workspace: Workspace, blueprint: Blueprint) -> tuple[Row, ...]:
    clusters = blueprint.topology.clusters
    asked = {leeway.service: str(leeway) for leeway in blueprint.leeways}
    now = scaling_at(workspace.site, workspace.registry, datetime.now(UTC))
    return tuple(
        Row(
            service,
            datacenter,
            len(clusters.get((datacenter, service), ())),
            bounded.least,
            bounded.most,
            scaling.because,
            asked.get(service, ""),
        )
        for service, scaling in now.items()
        for bounded in (narrowed(scaling, service, blueprint.leeways),)
        for datacenter in workspace.site.datacenters
    )


def _table(sizes: list[Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("app", "data centre", "members", "bounds"):
        table.add_column(title)
    for size in sizes:
        because = ", ".join(filter(None, (size.season, size.asked and f"asked for: {size.asked}")))
        bounds = f"{size.least} to {size.most}" + (f" ({because})" if because else "")
        table.add_row(size.service, size.datacenter, str(size.members), bounds)
    return table


def _told(app: str, size: Asked, sizes: tuple[Row, ...]) -> str:
    """What is so now, for a person."""
    if isinstance(size, int):
        return f"{app} has {size} members in each data centre"
    now = next(row for row in sizes if row.service == app)
    until = f"until `outlast scale {app} {AUTO}`" if size else "as the site file says"
    return f"{app} has {now.least} to {now.most} members in each data centre, by its load, {until}"


def _no_app(app: str, sizes: tuple[Row, ...]) -> Finding:
    known = ", ".join(sorted({size.service for size in sizes})) or "none"
    return Finding(app, "the site has no app of that name that scales", f"those that do: {known}", "name one of them")


def _not_followed(app: str) -> Finding:
    why = "the site has no controllers, or all the machines that it can have"
    return Finding(app, "it does not follow its load here", why, f"give it a number: `outlast scale {app} 4`")
