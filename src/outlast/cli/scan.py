"""`outlast scan`: try the doors of every machine, and compare what opens with what the wiring names."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import out, print_findings, print_json
from outlast.cli.target import applied
from outlast.controller.scan import scan as try_doors
from outlast.controller.workspace import open_workspace
from outlast.kernel.errors import failing


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(scan)


def scan(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
    full: Annotated[bool, typer.Option("--full", help="Every TCP port; it takes minutes.")] = False,
) -> int:
    """Try TCP ports of every machine, from here and from every machine: open is what the wiring names, nothing else."""
    workspace = open_workspace(file, environment)
    found = asyncio.run(try_doors(applied(workspace), workspace.provider, full=full))
    wrong = failing(found.findings)
    if json:
        print_json({"ok": not wrong, "tried": found.tried, "open": found.open, "findings": found.findings})
    else:
        print_findings(found.findings)
        mark = "[red]●[/]" if wrong else "[green]●[/]"
        out.print(f"{mark} {found.tried} ports tried: {len(found.open)} open, {len(wrong)} wrongly open or closed")
    return 3 if wrong else 0
