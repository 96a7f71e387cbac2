"""`outlast exec`: one command on a machine."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from outlast.cli.options import SITE_FILE, Environment, SiteFile
from outlast.cli.target import applied, machine_of
from outlast.controller.workspace import Workspace, open_workspace
from outlast.machines.machine import Result

SIGNALLED = 128


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command(name="exec", context_settings={"ignore_unknown_options": True})(exec_)


def exec_(
    target: Annotated[str, typer.Argument(help="A machine, or a member on it.")],
    command: Annotated[list[str], typer.Argument(help="The command and its arguments, after `--`.")],
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    limit: Annotated[float, typer.Option("--limit", help="Seconds to wait for it.")] = 600.0,
) -> int:
    """Run one command on a machine, with its output and its exit code: `outlast exec east-app-1 -- uptime`."""
    workspace = open_workspace(file, environment)
    done = asyncio.run(_run(workspace, machine_of(applied(workspace), target), command, limit))
    sys.stdout.buffer.write(done.stdout)
    sys.stderr.buffer.write(done.stderr)
    return done.returncode if done.returncode >= 0 else SIGNALLED - done.returncode


async def _run(workspace: Workspace, name: str, command: list[str], limit: float) -> Result:
    machine = await workspace.provider.connect(name)
    try:
        return await machine.run(command, limit=limit)
    finally:
        await machine.close()
