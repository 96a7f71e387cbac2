"""`outlast releases`: what was shipped of each app, and what came of it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import out, print_json
from outlast.cli.target import app_of
from outlast.contract.bundle import Artifact
from outlast.controller.shipments import Fate, Shipment, releases_of
from outlast.controller.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(releases)


def releases(
    app: Annotated[str, typer.Argument(help="The app; left out: all.")] = "",
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
) -> int:
    """List what was shipped of each app, when, by whom, and what came of it."""
    workspace = open_workspace(file, environment, sources=False)
    service = app_of(workspace, app) if app else ""
    shipped = [each for each in workspace.store.shipments.all() if service in ("", each.app)]
    running = releases_of(workspace.store.in_place())
    if json:
        print_json({"running": {name: artifact.digest for name, artifact in running.items()}, "shipments": shipped})
    else:
        out.print(_table(shipped, running))
    return 0


def _table(shipments: list[Shipment], running: dict[str, Artifact]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("app", "release", "when", "by", "took", ""):
        table.add_column(title)
    newest = {(each.app, each.release): each for each in shipments if each.fate is Fate.IN_PLACE}
    for each in shipments:
        serves = each.app in running and running[each.app].digest == each.release
        is_now = serves and each is newest.get((each.app, each.release))
        what = "[green]● serves[/]" if is_now else str(each.fate)
        took = f"{each.seconds:.1f} s" if each.seconds else ""
        because = f": {escape(each.because)}" if each.because else ""
        table.add_row(each.app, each.release, each.at.replace("+00:00", "Z"), each.by, took, f"{what}{because}")
    return table
