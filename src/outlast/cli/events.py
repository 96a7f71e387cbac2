"""`outlast events`: what the controllers decided and did, when, and because of what."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape

from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import out, print_json
from outlast.cli.target import applied
from outlast.controller.agreed import Happening
from outlast.controller.office import Office
from outlast.controller.workspace import open_workspace
from outlast.kernel.events import Phase

MARK = {
    Phase.STARTED: "[cyan]▸[/]",
    Phase.PROGRESS: "[dim]·[/]",
    Phase.WAITING: "[yellow]…[/]",
    Phase.DONE: "[green]●[/]",
    Phase.FAILED: "[red]✗[/]",
}
FOLLOW_EVERY = 1.0


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(events)


def events(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
    last: Annotated[int, typer.Option("--last", help="Only so many, the newest.", min=1)] = 50,
    follow: Annotated[bool, typer.Option("--follow", "-F", help="Go on as they happen, until interrupted.")] = False,
) -> int:
    """Show what the site's controllers decided: when, who, what, and because of what."""
    workspace = open_workspace(file, environment)
    office = Office(applied(workspace), workspace.provider)
    found = asyncio.run(office.events())[-last:]
    if json and not follow:
        print_json({"events": found})
        return 0
    _print(found, json=json)
    newest = found[-1].number if found else 0
    while follow:
        found = asyncio.run(_later(office, newest))
        newest = found[-1].number
        _print(found, json=json)
    return 0


async def _later(office: Office, after: int) -> tuple[Happening, ...]:
    """What happens next, once something does."""
    while not (found := await office.events(after)):  # noqa: ASYNC110 - others write it
        await asyncio.sleep(FOLLOW_EVERY)
    return found


def _print(found: Sequence[Happening], *, json: bool) -> None:
    for each in found:
        if json:
            print_json(each)
            continue
        when = datetime.fromtimestamp(each.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        subject = "" if each.event.subject == each.by else f"{each.event.subject}: "
        out.print(f"[dim]{when}  {each.by}[/]  {MARK[each.event.phase]} {escape(subject + each.event.text)}")
