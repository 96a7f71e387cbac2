"""`outlast ssh`: a shell on a machine, in this terminal."""

from __future__ import annotations

from typing import Annotated

import typer

from outlast.cli.options import SITE_FILE, Environment, SiteFile
from outlast.cli.target import applied, machine_of
from outlast.cli.terminal import give
from outlast.controller.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(ssh)


def ssh(
    target: Annotated[str, typer.Argument(help="A machine, or a member on it.")],
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
) -> int:
    """Open a shell on a machine."""
    workspace = open_workspace(file, environment)
    machine = machine_of(applied(workspace), target)
    # Not in place of this process, in whose memory the key lies.
    return give(workspace.provider.ssh_command(machine))
