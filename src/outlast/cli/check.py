"""`outlast check`: everything that is wrong with a site file, at once, without touching a machine."""

from __future__ import annotations

import dataclasses

import typer

from outlast.blueprint.audit import audit
from outlast.cli.options import SITE_FILE, AsJson, SiteFile
from outlast.cli.output import out, print_findings, print_json
from outlast.cli.workspace import open_workspace


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(check)


def check(file: SiteFile = SITE_FILE, json: AsJson = False) -> None:
    """Check the site file and the site it describes. Exit code 2 when something is wrong."""
    workspace = open_workspace(file)
    blueprint, _ = workspace.compile(workspace.assumed_grounds())
    findings = workspace.located(audit(workspace.site, workspace.registry, blueprint))
    machines, members = len(blueprint.topology.machines), len(blueprint.topology.members)
    if json:
        document = {"site": workspace.site.site, "machines": machines, "members": members}
        print_json({**document, "findings": [dataclasses.asdict(finding) for finding in findings]})
        return
    print_findings(findings)
    out.print(f"[green]●[/] {file}: site {workspace.site.site} is valid: {machines} machines, {members} members")
