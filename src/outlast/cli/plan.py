"""`outlast plan`: what `up` would do, machine by machine, file by file, before it does it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.diff import Change, Effect, MachineChange, diff
from outlast.blueprint.nftables import RULES
from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile, Verbose
from outlast.cli.output import out, print_json
from outlast.cli.saved import plan_of, save
from outlast.cli.target import called, named
from outlast.controller.drift import Drift, drift
from outlast.controller.owner import SecretChange, changes
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Invalid, OutlastError

MARK = {Change.CREATE: "[green]+[/]", Change.UPDATE: "[yellow]~[/]", Change.REMOVE: "[red]-[/]"}
EFFECT = {
    Effect.START: "green",
    Effect.RELOAD: "cyan",
    Effect.RESTART: "yellow",
    Effect.STOP: "red",
    Effect.TAKE_OVER: "cyan",
}
CHANGES = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """What the site file changes, and what the machines have drifted from what they were told."""

    blueprint: Blueprint
    changes: tuple[MachineChange, ...]
    drifts: tuple[Drift, ...]
    secrets: tuple[SecretChange, ...]

    @property
    def empty(self) -> bool:
        """There is nothing to do."""
        return not self.changes and not self.drifts and not self.secrets


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(plan)


def plan(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="0: no change, 1: error, 2: changes.")
    ] = False,
    firewall: Annotated[
        bool, typer.Option("--firewall", help="List what the firewall of every machine lets through, and why.")
    ] = False,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="Save the plan, for `up --plan`.", metavar="PLAN")
    ] = None,
    verbose: Verbose = False,
) -> int:
    """Show what `up` would change, and why each service would be touched. Changes nothing."""
    if firewall:
        return show_firewall(open_workspace(file, environment), json=json)
    try:
        workspace = open_workspace(file, environment)
        made = asyncio.run(make_plan(workspace))
    except Invalid as error:
        if detailed_exitcode:
            # 2 means "changes" here, so an invalid site file is an error like any other.
            raise OutlastError(*error.findings) from None
        raise
    if out_file is not None:
        save(plan_of(workspace.store.blueprint(), made.blueprint, made.drifts, made.secrets), out_file)
    if json:
        document = {"generation": made.blueprint.generation, "changes": made.changes, "drift": made.drifts}
        print_json({**named(workspace), **document, "secrets": made.secrets})
    else:
        if workspace.loaded.environments:
            out.print(f"[dim]of {called(workspace)}:[/]")
        print_plan(made, lines=True if verbose else None)
    return CHANGES if detailed_exitcode and not made.empty else 0


async def make_plan(workspace: Workspace) -> Plan:
    """Compile, compare with what was applied last, and ask the machines that exist whether they still match."""
    await workspace.catch_up()
    before = workspace.store.blueprint()
    blueprint, _ = workspace.compiler.compile(await workspace.grounds())
    drifts = await drift(before, workspace.registry, workspace.provider, workspace.vault) if before else ()
    secrets = changes(workspace.vault, workspace.find_secrets(blueprint), blueprint)
    return Plan(blueprint, diff(before, blueprint), drifts, secrets)


def print_plan(made: Plan, *, lines: bool | None) -> None:
    """Print a plan. `lines`: file diffs always (True), never (False), or for updates only (None)."""
    for change in made.changes:
        out.print(f"{MARK[change.change]} [bold]{change.machine}[/] {_summary(change)}")
        for file in change.files:
            # The rules of the firewall follow in plain words.
            shown = lines if lines is not None else file.change is Change.UPDATE and file.path != RULES
            out.print(f"    {MARK[file.change]} {file.path}") if shown or change.change is Change.UPDATE else None
            _print_lines(file.lines if shown else ())
        for rule in change.firewall if change.change is Change.UPDATE or lines else ():
            out.print(f"    {MARK[rule.change]} firewall: {escape(rule.text)}")
        for service in change.services:
            out.print(f"    [{EFFECT[service.effect]}]{service.effect:9}[/] {service.service}: {service.because}")
    for changed in made.secrets:
        out.print(f"[yellow]~[/] {escape(changed.text)}")
    for drifted in made.drifts:
        subject = "" if drifted.subject == drifted.machine else f" {escape(drifted.subject)}"
        out.print(f"[magenta]≠[/] [bold]{drifted.machine}[/]{subject}: {escape(f'{drifted.what}; {drifted.mend}')}")
        _print_lines(drifted.lines if lines is not False else ())
    if made.empty:
        out.print(f"[green]●[/] nothing to change: generation {made.blueprint.generation} is in place")


def _print_lines(lines: Sequence[str]) -> None:
    for line in lines:
        colour = {"+": "green", "-": "red"}.get(line[:1], "dim")
        out.print(f"        [{colour}]{escape(line)}[/]")


def _summary(change: MachineChange) -> str:
    if change.change is Change.CREATE:
        rules = f"{len(change.firewall)} firewall rules"
        return f"is made: {len(change.files)} files, {len(change.services)} services, {rules}"
    if change.change is Change.REMOVE:
        return "is removed"
    return "changes" + "".join(f"; gets the release {name}" for name in change.artifacts)


def show_firewall(workspace: Workspace, *, json: bool) -> int:
    """Print every rule of every machine, as the site file asks for it now."""
    blueprint, _ = workspace.compiler.compile(asyncio.run(workspace.grounds()))
    if json:
        walls = [
            {"machine": w.machine, "rules": [{**asdict(r), "text": r.text} for r in w.rules]}
            for w in blueprint.firewalls
        ]
        print_json({"generation": blueprint.generation, "firewalls": walls})
        return 0
    for wall in blueprint.firewalls:
        out.print(f"[bold]{wall.machine}[/]")
        for rule in wall.rules:
            out.print(f"    {escape(rule.text)}")
    out.print("[dim]All else is denied, but loopback, ICMP and the answers to what is listed.[/]")
    return 0
