"""`outlast down`: the site and all it holds are removed."""

from __future__ import annotations

import asyncio
import shutil
import sys

import typer

from outlast.cli.options import SITE_FILE, LockWait, SiteFile, Yes
from outlast.cli.output import out
from outlast.cli.workspace import open_workspace
from outlast.kernel.errors import Finding, Invalid, OutlastError


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(down)


def down(file: SiteFile = SITE_FILE, yes: Yes = False, lock_wait: LockWait = 0.0) -> None:
    """Remove every machine of the site with all it holds, its network and its secrets. The image cache stays."""
    workspace = open_workspace(file)
    workspace.require(making=False)
    if not yes:
        _ask(workspace.site.site)
    with workspace.store.lock("down", lock_wait):
        asyncio.run(workspace.provider.clear())
        shutil.rmtree(workspace.store.folder)
    out.print(f"[green]●[/] {workspace.site.site} is gone")


def _ask(site: str) -> None:
    if not sys.stdin.isatty():
        why = "everything the site holds would be lost, and nobody can be asked"
        raise Invalid(Finding("down", "it needs your word", why, "add --yes"))
    if not typer.confirm(f"Remove {site} with its database and all it holds?", err=True):
        raise OutlastError(Finding("down", "not agreed to", "the answer was no", "nothing was changed"))
