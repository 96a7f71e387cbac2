"""`outlast check`: everything that is wrong with a site file, and what the site survives; touches no machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import typer
from rich.markup import escape

from outlast.blueprint.audit import audit
from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.audit.survival import Outcome, losses, suffer, verdicts
from outlast.blueprint.blueprint import Blueprint
from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import out, print_findings, print_json
from outlast.cli.survival import table, whys
from outlast.cli.target import called, named
from outlast.controller.workspace import Workspace, open_all, open_workspace
from outlast.kernel.errors import Finding, Invalid
from outlast.site.environments import arising


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(check)


def check(file: SiteFile = SITE_FILE, environment: Environment = "", json: AsJson = False) -> None:
    """Check the site file and the site it describes, and say what survives which loss. Exit code 2 on errors.

    Without -e: the site of the file, and each of its environments.
    """
    workspaces = (open_workspace(file, environment),) if environment else open_all(file)
    checked = _compiled(workspaces)
    if json:
        first, *others = [_document(each) for each in checked]
        print_json(first if environment else {**first, "environments": others})
        return
    said: set[Finding] = set()
    for each in checked:
        print_findings(finding for finding in each.findings if finding not in said)
        said |= set(each.findings)
        _print(each, file)


@dataclass(frozen=True)
class _Checked:
    """One site of the file as it would be."""

    workspace: Workspace
    blueprint: Blueprint
    findings: tuple[Finding, ...]

    @cached_property
    def dependence(self) -> Dependence:
        """Who needs whom."""
        return Dependence(self.workspace.site, self.workspace.registry, self.blueprint.topology)

    @cached_property
    def outcomes(self) -> list[Outcome]:
        """What comes of each loss."""
        return [suffer(self.dependence, loss) for loss in losses(self.blueprint.topology)]


def _compiled(workspaces: Sequence[Workspace]) -> list[_Checked]:
    """Raises `Invalid` with what is wrong with any of them."""
    checked: list[_Checked] = []
    wrong: list[Finding] = []
    for workspace in workspaces:
        try:
            blueprint, _ = workspace.compiler.compile(workspace.assumed_grounds())
        except Invalid as invalid:
            wrong += arising(invalid.findings, workspace.environment, wrong)
        else:
            findings = workspace.loaded.located(audit(workspace.site, workspace.registry, blueprint))
            checked.append(_Checked(workspace, blueprint, findings))
    if wrong:
        raise Invalid(*dict.fromkeys(wrong))
    return checked


def _print(checked: _Checked, file: Path) -> None:
    topology = checked.blueprint.topology
    out.print(table(checked.dependence, checked.outcomes))
    for name, stopped in whys(checked.dependence, checked.outcomes):
        out.print(f"[red]✗[/] without {name}")
        for why in dict.fromkeys(verdict.why for verdict in stopped):
            services = [verdict.service for verdict in stopped if verdict.why == why]
            out.print(f"    {', '.join(services)}: {escape(why)}")
    size = f"{len(topology.machines)} machines, {len(topology.members)} members"
    out.print(f"[green]●[/] {file}: site {called(checked.workspace)} is valid: {size}")


def _document(checked: _Checked) -> dict[str, object]:
    topology = checked.blueprint.topology
    return {
        **named(checked.workspace),
        "machines": len(topology.machines),
        "members": len(topology.members),
        "findings": checked.findings,
        "losses": [_told(checked.dependence, outcome) for outcome in checked.outcomes],
    }


def _told(dependence: Dependence, outcome: Outcome) -> dict[str, object]:
    loss = outcome.loss
    return {"lost": loss.lost, "kind": loss.kind, "machines": loss.machines, "services": verdicts(dependence, outcome)}
