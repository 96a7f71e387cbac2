"""`outlast status`: the truth on one screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import as_json, out, print_findings, print_json
from outlast.cli.target import applied, called, named
from outlast.contract.probe import Health
from outlast.controller.observe import look
from outlast.controller.rotation import ending
from outlast.controller.workspace import Workspace, open_workspace
from outlast.status import ServiceStatus, Status, assess

NEGATIVE = 3
DOT = {Health.HEALTHY: "[green]●[/]", Health.UNHEALTHY: "[red]●[/]", Health.UNKNOWN: "[yellow]?[/]"}
STATE = {"up": "[green]up[/]", "down": "[red]down[/]", "unknown": "[yellow]unknown[/]"}
WATCH_EVERY = 1.0
NEWS_LIMIT = 3.0


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(status)


def status(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again every second until interrupted.")] = False,
) -> int:
    """Show every machine and member as one look finds it. Exit code 3 when the site is not healthy."""
    workspace = open_workspace(file, environment)
    if watch and not json:
        return _watch(workspace)
    seen, proven = asyncio.run(read_status(workspace)), workspace.store.proven()
    blueprint = applied(workspace)
    warnings = ending(workspace.vault, blueprint, governed=workspace.is_governed(blueprint))
    if json:
        proofs = {f: {"at": at, "valid": valid} for f, (at, valid) in proven.items()}
        print_json({**asdict(seen), **named(workspace), "proven": proofs, **as_json(warnings)})
    else:
        out.print(screen(seen, proven, called(workspace)))
        print_findings(warnings)
    return 0 if seen.healthy else NEGATIVE


async def read_status(workspace: Workspace) -> Status:
    """One look at the site as it shall be now. Raises `OutlastError` when it never was up."""
    blueprint = applied(workspace)
    seen, _ = await asyncio.gather(_seen(workspace, blueprint), _hear(workspace))
    newest = applied(workspace)
    return seen if newest.generation == blueprint.generation else await _seen(workspace, newest)


async def _seen(workspace: Workspace, blueprint: Blueprint) -> Status:
    found, sight = await asyncio.gather(workspace.provider.list(), look(blueprint, workspace.provider, workspace.vault))
    return assess(blueprint, workspace.registry, {machine.name: machine for machine in found}, sight)


async def _hear(workspace: Workspace) -> None:
    """What the controllers made of the site since, if they say it while one looks."""
    with suppress(TimeoutError):
        async with asyncio.timeout(NEWS_LIMIT):
            await workspace.catch_up()


def _watch(workspace: Workspace) -> int:
    with Live(console=out, refresh_per_second=4, screen=out.is_terminal) as live:
        while True:
            live.update(screen(asyncio.run(read_status(workspace)), workspace.store.proven(), called(workspace)))
            time.sleep(WATCH_EVERY)


def screen(seen: Status, proven: Mapping[str, tuple[str, bool]], site: str) -> RenderableType:
    """The whole status for a terminal. `proven`: when each class of failure was last proved, and whether it held;
    `site`: what the site is called."""
    verdict = "[bold green]healthy[/]" if seen.healthy else "[bold red]not healthy[/]"
    head = f"[bold]{site}[/]  {verdict}  generation {seen.generation}  {'  '.join(seen.urls)}\n"
    return Group(head, _loss(seen, proven), "", _services(seen), "", _machines(seen))


def _loss(seen: Status, proven: Mapping[str, tuple[str, bool]]) -> str:
    """Whether a machine could be lost now, and when that was last proven."""
    if seen.indispensable:
        names = ", ".join(f"{machine} ({service})" for machine, service in seen.indispensable)
        said = f"[yellow]▲[/] not every machine can be lost now: {names}"
    else:
        said = "[green]●[/] any one machine can be lost now"
    at, valid = proven.get("machine", ("", False))
    if not at:
        return f"{said}; [dim]never proved[/]"
    when = f"{at.replace('T', ' ').partition('+')[0]} UTC"
    return f"{said}; [dim]proved {when}[/]" if valid else f"{said}; [yellow]not proved {when}[/]"


def _services(seen: Status) -> Table:
    table = _table("SERVICE", "SERVES", "REDUNDANCY", "PRIMARY", "BECAUSE")
    for service in seen.services:
        table.add_row(service.name, _serves(service), _redundancy(service), service.primary or "", service.because)
    for floating in seen.floating:
        where = "at home" if floating.holder == floating.home else f"its home is {floating.home}"
        holder = floating.holder or "[red]nobody[/]"
        table.add_row(floating.address, "", "", holder, where)
    return table


def _serves(service: ServiceStatus) -> str:
    return "[green]yes[/]" if service.healthy else "[red]no[/]"


def _redundancy(service: ServiceStatus) -> str:
    have, want = service.redundancy.have, service.redundancy.want
    return f"[{'green' if have == want else 'yellow'}]{have} of {want}[/]"


def _machines(seen: Status) -> Table:
    members = {member.name: member for member in seen.members}
    table = _table("MACHINE", "ADDRESS", "STATE", "MEMBER", "ROLE", "BECAUSE")
    for machine in seen.machines:
        row = [f"[bold]{machine.name}[/]", machine.address, STATE[machine.state]]
        for name in machine.members:
            member = members[name]
            table.add_row(*row, f"{DOT[member.health]} {name}", member.role, escape(member.because))
            row = ["", "", ""]
        if not machine.members:
            table.add_row(*row, "", "", escape(machine.because))
    return table


def _table(*columns: str) -> Table:
    """Columns that keep their words; only the last one, the reason, gives way on a narrow terminal."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns[:-1]:
        table.add_column(column, no_wrap=True)
    table.add_column(columns[-1], no_wrap=True, overflow="ellipsis", ratio=1)
    return table
