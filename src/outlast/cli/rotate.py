"""`outlast rotate`: new passwords, certificates and authority for a running site, without a failed request."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table

from outlast.cli.carry import carried_out
from outlast.cli.options import SITE_FILE, AsJson, Environment, LockWait, Quiet, SiteFile, Verbose
from outlast.cli.output import err, out, print_json
from outlast.cli.target import applied
from outlast.controller.lease import operator
from outlast.controller.outcome import Terms
from outlast.controller.rotation import Kind, Rotatable, chosen, rotatable, rotate
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Finding, Invalid


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("rotate")(verb)


def verb(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="`database`, `certificates`, `authority`, or a single name that --list shows."),
    ] = None,
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    list_: Annotated[bool, typer.Option("--list", help="Show every secret with its age and its end.")] = False,
    finish: Annotated[
        bool, typer.Option("--finish", help="Of the authority: the new one signs, and the old one goes.")
    ] = False,
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = 0.0,
) -> int:
    """Change passwords, certificates or the authority of the running site; nobody is refused meanwhile.

    The new ones are accepted beside the old ones first, then used, and the old ones go last. Killed at any moment, the
    same command goes on. Certificates are also renewed by controllers and by every `up`, 30 days before their end.
    """
    workspace = open_workspace(file, environment, sources=False)
    if list_ or not names:
        held = rotatable(workspace.vault, applied(workspace))
        print_json({"secrets": held}) if json else out.print(_table(held, workspace.vault.now))
        return 0
    if finish and "authority" not in names:
        why = "only an authority is handed to people before it signs"
        raise Invalid(Finding("--finish", "there is nothing to finish", why, "name `authority`, or leave it out"))
    with workspace.store.lock("rotate", lock_wait):
        workspace.vault.take_over()
        done = asyncio.run(_rotate(workspace, names, lock_wait, finish=finish, quiet=quiet or json, verbose=verbose))
    if json:
        print_json({"site": workspace.site.site, "rotated": names, "done": done})
        return 0
    out.print(f"[green]●[/] {', '.join(names)}: changed, and nobody was refused")
    if "authority" in names and not finish:
        out.print("  a new authority is trusted beside the old one: give all who trust the site by its file the new")
        out.print(f"  {workspace.vault.authority_path}, then run `outlast rotate authority --finish`")
    return 0


async def _rotate(
    workspace: Workspace, names: list[str], wait: float, *, finish: bool, quiet: bool, verbose: bool
) -> list[str]:
    await workspace.catch_up()
    blueprint = applied(workspace)
    wanted = chosen(names, rotatable(workspace.vault, blueprint))
    done: list[str] = []

    async def bring(text: str) -> None:
        # The site as it was applied last, with the secrets of this moment.
        terms = Terms(operator("rotate"), wait)
        done.extend((await carried_out(workspace, blueprint, terms, quiet=quiet, verbose=verbose)).done)
        done.append(text)
        if not quiet:
            err.print(f"[green]●[/] {text}")

    await rotate(wanted, workspace.vault, bring, finish=finish)
    return done


def _table(held: tuple[Rotatable, ...], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("name", "kind", "age", "ends in", "read by", ""):
        table.add_column(title)
    for each in held:
        age = _days((now - each.made).days) if each.made else "unknown"
        ends = _days((each.ends - now).days) if each.ends else ""
        table.add_row(each.name, each.kind, age, ends, ", ".join(each.services), _word(each))
    return table


def _word(each: Rotatable) -> str:
    if each.kind is Kind.OWNER:
        return "you keep it: change it there, then `outlast up`"
    if each.under_way and each.kind is Kind.AUTHORITY:
        return f"[yellow]two are trusted: `outlast rotate {each.name} --finish`[/]"
    return f"[yellow]a change is under way: `outlast rotate {each.name}`[/]" if each.under_way else ""


def _days(count: int) -> str:
    return f"{count} day{'' if count == 1 else 's'}"
