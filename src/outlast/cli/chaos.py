"""`outlast chaos`: break a running site on purpose, for a while."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from outlast.cli import monkey, toolkit
from outlast.cli.faults import chosen, duration, settings
from outlast.cli.inflict import chaos_of, inflict
from outlast.cli.options import SITE_FILE, AsJson, Environment, Quiet, SiteFile
from outlast.cli.output import out, print_findings, print_json
from outlast.cli.target import applied
from outlast.controller.workspace import Workspace, open_workspace
from outlast.proof.faults.fault import Level, Offer
from outlast.proof.faults.offer import offers

chaos = typer.Typer(
    name="chaos",
    help="Break a running site on purpose: every fault goes away by itself.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
HITS = {Level.MEMBER: "a member", Level.MACHINE: "a machine", Level.BETWEEN: "two sets of machines"}
Force: typer.models.OptionInfo = typer.Option("--force", help="Also when the site is not healthy as it is.")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    for module in (monkey, toolkit):
        module.register(chaos)
    app.add_typer(chaos)


@chaos.command(name="list")
def list_(file: SiteFile = SITE_FILE, environment: Environment = "", json: AsJson = False) -> None:
    """List the faults that this site can have, what each can hit, and why not the others."""
    workspace = open_workspace(file, environment)
    found = offers(applied(workspace), workspace.registry, workspace.provider.faults)
    if json:
        print_json({"faults": found})
        return
    out.print(_table(found))
    print_findings(offer.finding for offer in found if offer.finding)


@chaos.command()
def run(
    fault: Annotated[str, typer.Argument(help="One that `outlast chaos list` names.")],
    targets: Annotated[list[str], typer.Argument(help="Members or machines; also a pool, a data centre or a service.")],
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    others: Annotated[
        list[str] | None, typer.Option("--from", help="The second set of machines, for faults between two sets.")
    ] = None,
    lasting: Annotated[str, typer.Option("--for", help="It goes away after this time, whatever happens.")] = "10s",
    given: Annotated[list[str] | None, typer.Option("--set", help="A parameter of the fault: `share=0.3`.")] = None,
    force: Annotated[bool, Force] = False,
    json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Inflict one fault, wait, and take it back. Ctrl-C takes it back at once."""
    workspace = open_workspace(file, environment)
    wanted = chosen(workspace, fault, targets, others or [], duration(lasting), settings(given or []))
    told = asyncio.run(inflict(workspace, wanted, force=force, quiet=quiet))
    if json:
        print_json(told)
    else:
        out.print(f"[green]●[/] {told['name']} held for {told['seconds']:.1f} s and was taken back")


@chaos.command()
def off(file: SiteFile = SITE_FILE, environment: Environment = "", json: AsJson = False) -> None:
    """Take back every fault of the site, whoever inflicted it, and refuse new ones until `outlast chaos on`."""
    healed = asyncio.run(_off(open_workspace(file, environment)))
    if json:
        print_json({"healed": healed})
    else:
        what = ", ".join(healed) or "there was none"
        out.print(f"[green]●[/] no fault holds any more ({what}); new ones are refused until `outlast chaos on`")


@chaos.command()
def on(file: SiteFile = SITE_FILE, environment: Environment = "") -> None:
    """Allow faults again."""
    asyncio.run(_on(open_workspace(file, environment)))
    out.print("[green]●[/] faults may begin again")


async def _off(workspace: Workspace) -> tuple[str, ...]:
    async with chaos_of(workspace) as chaos:
        return await chaos.off()


async def _on(workspace: Workspace) -> None:
    async with chaos_of(workspace) as chaos:
        await chaos.on()


def _table(found: tuple[Offer, ...]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in ("FAULT", "HITS", "WHAT HAPPENS", "PARAMETERS"):
        table.add_column(column, no_wrap=column != "WHAT HAPPENS")
    for offer in found:
        parameters = ", ".join(f"{p.name}={p.default:g}" for p in offer.parameters)
        hits = HITS[offer.level] if offer.targets else "[dim]nothing here[/]"
        table.add_row(f"[bold]{offer.kind}[/]", hits, escape(offer.summary), parameters)
    return table
