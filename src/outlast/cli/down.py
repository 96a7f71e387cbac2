"""`outlast down`: the site and all it holds are removed."""

from __future__ import annotations

import asyncio
import sys

import typer

from outlast.cli.options import SITE_FILE, Environment, LockWait, SiteFile, Yes
from outlast.cli.output import out
from outlast.cli.target import called
from outlast.controller.lease import held, operator
from outlast.controller.observe import CONNECT_LIMIT
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Finding, Invalid, OutlastError
from outlast.kernel.events import silent
from outlast.machines.provider import Power
from outlast.proof.faults.guard import dismiss


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(down)


def down(
    file: SiteFile = SITE_FILE, environment: Environment = "", yes: Yes = False, lock_wait: LockWait = 0.0
) -> None:
    """Remove every machine of the site with all it holds, its network and its secrets.

    The image cache stays, and so do other environments of the site file.
    """
    workspace = open_workspace(file, environment)
    workspace.require(making=False)
    if not yes:
        _ask(called(workspace))
    with workspace.store.lock("down", lock_wait):
        asyncio.run(_clear(workspace, lock_wait))
        # The key first: a death in between leaves no key that nobody knows of.
        workspace.vault.forget()
        workspace.store.remove()
    out.print(f"[green]●[/] {called(workspace)} is gone")


async def _clear(workspace: Workspace, wait: float) -> None:
    """Remove everything while no other operator changes it, wherever they sit."""
    # First: nobody shall switch a machine on that is just being removed.
    await dismiss(workspace.store.folder)
    running = [found.name for found in await workspace.provider.list() if found.power is Power.ON]
    connecting = (workspace.provider.connect(name, limit=CONNECT_LIMIT) for name in running)
    answers = await asyncio.gather(*connecting, return_exceptions=True)
    machines = {name: m for name, m in zip(running, answers, strict=True) if not isinstance(m, BaseException)}
    try:
        async with held(machines, operator("down"), wait, silent):
            # What is left of the lease goes with the machines.
            await workspace.provider.clear()
    finally:
        await asyncio.gather(*(machine.close() for machine in machines.values()), return_exceptions=True)


def _ask(site: str) -> None:
    if not sys.stdin.isatty():
        why = "everything the site holds would be lost, and nobody can be asked"
        raise Invalid(Finding("down", "it needs your word", why, "add --yes"))
    if not typer.confirm(f"Remove {site} with its database and all it holds?", err=True):
        raise OutlastError(Finding("down", "not agreed to", "the answer was no", "nothing was changed"))
