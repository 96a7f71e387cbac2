"""Inflicts one fault for a person or a script: begins, waits, takes back, and says what it did."""

from __future__ import annotations

import asyncio
import time

from outlast.cli.output import err
from outlast.cli.status import read_status
from outlast.cli.target import applied
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import Finding, Negative
from outlast.kernel.units import format_duration
from outlast.proof.faults.chaos import Chaos
from outlast.proof.faults.fault import Fault


def chaos_of(workspace: Workspace) -> Chaos:
    """The faults of a site."""
    return Chaos(applied(workspace), workspace.provider, workspace.registry, workspace.file, workspace.environment)


async def inflict(workspace: Workspace, fault: Fault, *, force: bool, quiet: bool) -> dict[str, object]:
    """One fault from its beginning to its end. Raises `Negative` for a site that is not healthy, unless `force`."""
    async with chaos_of(workspace) as chaos:
        chaos.allow(fault)
        if not force and not (await read_status(workspace)).healthy:
            raise Negative(_degraded(workspace.site.site))
        injected = await chaos.inject(fault)
        try:
            if not quiet:
                ends = format_duration(fault.seconds)
                err.print(f"[yellow]◐[/] {injected.name} holds; it goes away within {ends}, Ctrl-C: at once")
            await asyncio.sleep(max(0.0, injected.at + fault.seconds - time.time()))
        finally:
            healed = await chaos.heal(injected)
    return {
        "name": injected.name,
        "fault": fault,
        "began": injected.began,
        "at": injected.at,
        "healed": healed,
        "seconds": healed - injected.at,
    }


def _degraded(site: str) -> Finding:
    return Finding(
        where=site,
        what="it is not healthy as it is",
        why="a fault on top of another shows nothing, and may be one too many",
        fix="see `outlast status` and mend it first, or add --force",
    )
