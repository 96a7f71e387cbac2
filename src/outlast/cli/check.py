"""`outlast check`: everything that is wrong with a site file, and what the site survives; touches no machine."""

from __future__ import annotations

import typer
from rich.markup import escape

from outlast.blueprint.audit import audit
from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.audit.survival import Outcome, losses, suffer, verdicts
from outlast.cli.options import SITE_FILE, AsJson, SiteFile
from outlast.cli.output import out, print_findings, print_json
from outlast.cli.survival import table, whys
from outlast.controller.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(check)


def check(file: SiteFile = SITE_FILE, json: AsJson = False) -> None:
    """Check the site file and the site it describes, and say what survives which loss. Exit code 2 on errors."""
    workspace = open_workspace(file)
    blueprint, _ = workspace.compile(workspace.assumed_grounds())
    findings = workspace.located(audit(workspace.site, workspace.registry, blueprint))
    machines, members = len(blueprint.topology.machines), len(blueprint.topology.members)
    dependence = Dependence(workspace.site, workspace.registry, blueprint.topology)
    outcomes = [suffer(dependence, loss) for loss in losses(blueprint.topology)]
    if json:
        document = {"site": workspace.site.site, "machines": machines, "members": members, "findings": findings}
        print_json({**document, "losses": [_told(dependence, outcome) for outcome in outcomes]})
        return
    print_findings(findings)
    out.print(table(dependence, outcomes))
    for name, stopped in whys(dependence, outcomes):
        out.print(f"[red]✗[/] without {name}")
        for why in dict.fromkeys(verdict.why for verdict in stopped):
            services = [verdict.service for verdict in stopped if verdict.why == why]
            out.print(f"    {', '.join(services)}: {escape(why)}")
    out.print(f"[green]●[/] {file}: site {workspace.site.site} is valid: {machines} machines, {members} members")


def _told(dependence: Dependence, outcome: Outcome) -> dict[str, object]:
    loss = outcome.loss
    return {"lost": loss.lost, "kind": loss.kind, "machines": loss.machines, "services": verdicts(dependence, outcome)}
