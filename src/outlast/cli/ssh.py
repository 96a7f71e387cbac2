"""`outlast ssh`: a shell on a machine, in this terminal."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from outlast.cli.options import SITE_FILE, SiteFile
from outlast.cli.target import applied, machine_of
from outlast.cli.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(ssh)


def ssh(
    target: Annotated[str, typer.Argument(help="A machine, or a member on it.")], file: SiteFile = SITE_FILE
) -> None:
    """Open a shell on a machine."""
    workspace = open_workspace(file)
    command = workspace.provider.ssh_command(machine_of(applied(workspace), target))
    os.execvp(command[0], command)  # the terminal belongs to the shell from here on
