"""`outlast logs`: the journals of the machines, merged by time."""

from __future__ import annotations

import asyncio
import json as json_module
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import err, out, print_json
from outlast.cli.target import applied, members_of
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Unreachable
from outlast.topology.topology import Member

FOLLOW_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """One journal entry; `at` is in microseconds since 1970."""

    at: int
    machine: str
    service: str
    text: str


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(logs)


def logs(
    names: Annotated[list[str] | None, typer.Argument(help="Apps, components, services, members or machines.")] = None,
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    lines: Annotated[int, typer.Option("-n", "--lines", help="At most this many of the newest lines.", min=1)] = 100,
    since: Annotated[str, typer.Option("--since", help='From then on, as journalctl reads it: "-10min".')] = "",
    follow: Annotated[bool, typer.Option("--follow", help="Go on with new lines until interrupted.")] = False,
    json: AsJson = False,
) -> None:
    """Read the machines' journals by app, component, member or machine; without a name, of everything."""
    workspace = open_workspace(file, environment)
    blueprint = applied(workspace)
    chosen = [member for name in names for member in members_of(blueprint, name)] if names else None
    members = list(dict.fromkeys(chosen or blueprint.topology.members))
    found = asyncio.run(_read(workspace, blueprint, members, lines, since))
    if json:
        print_json(found)
        return
    _print(found)
    while follow and asyncio.run(asyncio.sleep(FOLLOW_EVERY, True)):
        after = f"@{(found[-1].at if found else 0) / 1e6:.6f}"
        newer = asyncio.run(_read(workspace, blueprint, members, lines, after))
        fresh = [line for line in newer if not found or line.at > found[-1].at]
        _print(fresh)
        found = fresh or found


async def _read(
    workspace: Workspace, blueprint: Blueprint, members: list[Member], lines: int, since: str
) -> list[Line]:
    machines: dict[str, list[str]] = {}
    for member in members:
        part = blueprint.bundle_by_machine[member.machine].part(member.name)
        # What a member was in its other slot spoke there.
        names = [*(service.name for service in part.services), *([part.twin] if part.twin else [])]
        machines.setdefault(member.machine, []).extend(names)
    read = await asyncio.gather(*(_machine(workspace, m, services, lines, since) for m, services in machines.items()))
    return sorted((line for found in read for line in found), key=lambda line: line.at)[-lines:]


async def _machine(workspace: Workspace, name: str, services: list[str], lines: int, since: str) -> list[Line]:
    units = [argument for service in services for argument in ("--unit", service)]
    window = ["--since", since] if since else []
    argv = ["journalctl", *units, *window, "--lines", str(lines), "--output", "json", "--no-pager"]
    try:
        machine = await workspace.provider.connect(name)
    except Unreachable as error:
        err.print(f"[yellow]?[/] {name} does not answer: {escape(error.findings[0].why)}")
        return []
    try:
        done = await machine.run(argv, limit=20.0)
    finally:
        await machine.close()
    entries = [json_module.loads(line) for line in done.stdout.decode(errors="replace").splitlines()]
    return [_line(name, entry) for entry in entries]


def _line(machine: str, entry: dict[str, object]) -> Line:
    message = entry.get("MESSAGE")
    # journald gives text that is not UTF-8 as a list of byte values.
    text = bytes(message).decode(errors="replace") if isinstance(message, list) else str(message)  # pyright: ignore
    service = str(entry.get("_SYSTEMD_UNIT") or entry.get("UNIT") or "").removesuffix(".service")
    return Line(int(str(entry["__REALTIME_TIMESTAMP"])), machine, service.removeprefix("outlast-"), text)


def _print(lines: list[Line]) -> None:
    for line in lines:
        at = datetime.fromtimestamp(line.at / 1e6, UTC).strftime("%H:%M:%S.%f")[:-3]
        out.print(f"[dim]{at}[/] [cyan]{line.machine}[/] [bold]{line.service}[/] {escape(line.text)}")
