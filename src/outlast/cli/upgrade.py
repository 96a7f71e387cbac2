"""`outlast upgrade`: every machine is made anew from the newest packages, one after another, under load."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Annotated

import typer

from outlast.cli.options import SITE_FILE, AsJson, Environment, LockWait, Quiet, SiteFile, Verbose
from outlast.cli.output import err, out, print_json
from outlast.cli.progress import shown
from outlast.cli.target import applied
from outlast.controller.lease import operator
from outlast.controller.outcome import Terms
from outlast.controller.upgrade import Upgrade
from outlast.controller.workspace import Workspace, open_workspace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(upgrade)


def upgrade(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which machines are not of the newest image.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Make all machines anew, although nothing is newer.")] = False,
    back: Annotated[bool, typer.Option("--back", help="Go back to the image of before.")] = False,
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = 0.0,
) -> int:
    """Build an image with the newest packages, and make every machine anew from it, each when all others are whole.

    Whoever takes the writes goes last, after a planned switch. Ended in the middle, the same command goes on; with
    `--back` the machines are made anew from the image of before.
    """
    began = time.monotonic()
    workspace = open_workspace(file, environment, sources=False)
    asked = _Asked(force=force, back=back, dry_run=dry_run, quiet=quiet, verbose=verbose, wait=lock_wait)
    with workspace.store.lock("upgrade", lock_wait):
        workspace.vault.take_over()
        done, left = asyncio.run(_upgrade(workspace, asked))
    seconds = round(time.monotonic() - began, 1)
    if json:
        print_json({"done": done, "left": left, "seconds": seconds})
    elif dry_run:
        out.print("\n".join(left) if left else "[green]●[/] every machine is of the newest image that was built")
    elif done:
        out.print(f"[green]●[/] {len(done)} machines were made anew, in {seconds:.0f} s")
    else:
        out.print("[green]●[/] nothing is newer than what the machines are made of")
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What the command line asks for."""

    force: bool
    back: bool
    dry_run: bool
    quiet: bool
    verbose: bool
    wait: float


async def _upgrade(workspace: Workspace, asked: _Asked) -> tuple[list[str], list[str]]:
    """The machines that were made anew, and those that still are to be."""
    await workspace.catch_up()
    blueprint = applied(workspace)
    with shown(blueprint, quiet=asked.quiet, verbose=asked.verbose) as emit:
        work = Upgrade(workspace, blueprint, Terms(operator("upgrade"), asked.wait), emit)
        if asked.back and not asked.dry_run:
            await work.revert()
        left = [*await work.left()]
        if asked.dry_run:
            return [], left
        if not asked.back and not left and await work.renew(anyway=asked.force):
            left = [*await work.left()]
        await work.mend()
        done: list[str] = []
        async for name, _ in work.replace(left):
            done.append(name)
            err.print(f"[green]●[/] {name} is anew, {len(done)} of {len(left)}") if not asked.quiet else None
        return done, left[len(done) :]
