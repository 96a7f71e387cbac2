"""`outlast chaos monkey`: break one thing after another of a healthy site, on a schedule."""

from __future__ import annotations

import asyncio
import random
import re
import time
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from outlast.blueprint.audit.dependence import Dependence
from outlast.cli.faults import duration
from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import err, out, print_json
from outlast.cli.status import NEGATIVE, read_status
from outlast.cli.target import applied, members_of
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Finding, Invalid
from outlast.kernel.units import format_duration
from outlast.proof.faults.ailments import kinds
from outlast.proof.faults.chaos import Chaos
from outlast.proof.faults.offer import offers
from outlast.proof.monkey import USUAL, Memory, Settings, Strike, Waiting, decide, fragile

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
LOOK_EVERY = 5.0


def register(chaos: typer.Typer) -> None:
    """Add the verb."""
    chaos.command()(monkey)


def monkey(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    every: Annotated[str, typer.Option("--every", help="From the end of one fault to the next.")] = "10m",
    total: Annotated[str, typer.Option("--for", help="It ends after this time.")] = "1h",
    lasting: Annotated[str, typer.Option("--lasting", help="How long each fault holds.")] = "10s",
    spared: Annotated[
        list[str] | None, typer.Option("--except", help="A member, machine, service or pool that is left alone.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help=f"A fault; usually {', '.join(USUAL)}.")] = None,
    hours: Annotated[str | None, typer.Option("--hours", help="Local time: `9-17`. Always, when left out.")] = None,
    days: Annotated[str, typer.Option("--days", help="`mon-fri`, or `mon,wed`.")] = "mon-sun",
    seed: Annotated[int | None, typer.Option("--seed", help="The same one makes the same choices.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do now, and do nothing.")] = False,
    json: AsJson = False,
) -> int:
    """Break one thing of a healthy site now and then, never one whose loss would stop a service.

    Exit code 3 when the site is not healthy at the end.
    """
    workspace = open_workspace(file, environment)
    blueprint, known = applied(workspace), kinds(workspace.registry)
    for name in spared or []:
        members_of(blueprint, name)
    for name in set(only or []) - set(known):
        raise Invalid(Finding("--only", f"there is no fault {name}", "none bears that name", "see `chaos list`"))
    settings = Settings(
        every=duration(every),
        lasting=duration(lasting),
        hours=read_hours(hours) if hours else None,
        days=read_days(days),
        spared=frozenset(spared or []),
        kinds=tuple(only) if only else USUAL,
    )
    chosen = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    told = asyncio.run(_live(workspace, settings, duration(total), chosen, dry_run=dry_run))
    if json:
        print_json({"seed": chosen, **told})
    return 0 if dry_run or told["healthy"] else NEGATIVE


async def _live(
    workspace: Workspace, settings: Settings, total: float, seed: int, *, dry_run: bool
) -> dict[str, object]:
    """Look, decide, strike, until the time is up."""
    blueprint, registry, provider = applied(workspace), workspace.registry, workspace.provider
    weak = fragile(Dependence(workspace.site, registry, blueprint.topology), blueprint.topology)
    found, memory, ends, last = offers(blueprint, registry, provider.faults), Memory(), time.monotonic() + total, ""
    strikes: list[object] = []
    async with Chaos(blueprint, provider, registry, workspace.file, workspace.environment) as chaos:
        while True:
            status = await read_status(workspace)
            now, local = time.monotonic(), datetime.now().astimezone()
            choice = decide(now, local, status, settings, memory, found, weak, blueprint.topology, seed)
            if dry_run:
                _say(choice, conditional=True)
                return {"healthy": status.healthy, "would": choice}
            if now >= ends:
                out.print(f"{'[green]●[/]' if status.healthy else '[red]●[/]'} {memory.count} faults (seed {seed})")
                return {"healthy": status.healthy, "strikes": strikes}
            if isinstance(choice, Strike):
                _say(choice)
                chaos.allow(choice.fault)
                injected = await chaos.inject(choice.fault)
                try:
                    await asyncio.sleep(max(0.0, injected.at + choice.fault.seconds - time.time()))
                finally:
                    healed = await chaos.heal(injected)
                strikes.append({"name": injected.name, "fault": choice.fault, "at": injected.at, "healed": healed})
                memory = replace(memory, count=memory.count + 1, ended=time.monotonic())
            elif _reason(choice) != last:
                _say(choice)
            last = _reason(choice)
            await asyncio.sleep(min(LOOK_EVERY, max(0.0, ends - time.monotonic())))


def _reason(choice: Strike | Waiting) -> str:
    """What is said once, although its figures change."""
    return re.sub(r"[0-9]+", "", choice.because) if isinstance(choice, Waiting) else ""


def _say(choice: Strike | Waiting, *, conditional: bool = False) -> None:
    if isinstance(choice, Waiting):
        err.print(f"[dim]○[/] {'would wait' if conditional else 'waits'}: {escape(choice.because)}")
        return
    what = f"{choice.fault.kind} {choice.fault.targets[0]} for {format_duration(choice.fault.seconds)}"
    err.print(f"[yellow]◐[/] {'would begin: ' if conditional else ''}{what}: {escape(choice.because)}")


def read_hours(text: str) -> tuple[int, int]:
    """`9-17`: from nine until five. Raises `Invalid`."""
    match = re.fullmatch(r"(\d{1,2})-(\d{1,2})", text)
    if not match or not 0 <= int(match[1]) < int(match[2]) <= 24:
        raise Invalid(Finding("--hours", f"`{text}` are no hours", "two full hours of one day", "write it like `9-17`"))
    return int(match[1]), int(match[2])


def read_days(text: str) -> frozenset[int]:
    """`mon-fri` or `mon,wed`: weekdays from 0. Raises `Invalid`."""
    found: set[int] = set()
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS or DAYS.index(first) > DAYS.index(last or first):
            why = f"days are {', '.join(DAYS)}"
            raise Invalid(Finding("--days", f"`{text}` are no days", why, "write it like `mon-fri` or `mon,wed`"))
        found.update(range(DAYS.index(first), DAYS.index(last or first) + 1))
    return frozenset(found)
