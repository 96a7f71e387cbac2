"""`outlast doctor`: whether `up` will find what it needs, before anything is touched."""

from __future__ import annotations

import asyncio

import typer
from rich.markup import escape

from outlast.blueprint.audit import audit
from outlast.blueprint.blueprint import Blueprint
from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import out, print_findings, print_json
from outlast.cli.target import called, named
from outlast.controller.rotation import ending
from outlast.controller.store import Store
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Invalid, OutlastError
from outlast.machines.check import Check

NEGATIVE = 3


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(doctor)


def doctor(file: SiteFile = SITE_FILE, environment: Environment = "", json: AsJson = False) -> int:
    """Look at everything that `up` needs: site file, this box, servers. Exit code 3 when something is wrong."""
    workspace = open_workspace(file, environment)
    checks = asyncio.run(_checks(workspace))
    ready = all(check.passed for check in checks)
    if json:
        told = [{"subject": c.subject, "about": c.about, "passed": c.passed} for c in checks]
        findings = [finding for check in checks for finding in check.findings]
        print_json({**named(workspace), "ready": ready, "checks": told, "findings": findings})
        return 0 if ready else NEGATIVE
    for check in checks:
        out.print(f"{_mark(check)} {escape(check.subject)}: {escape(check.about)}")
        print_findings(check.findings, out)
    failed = sum(not check.passed for check in checks)
    verdict = "[green]●[/] nothing stands in the way of `outlast up`"
    out.print(verdict if ready else f"[red]✗[/] {failed} of {len(checks)} checks failed: mend them before `outlast up`")
    return 0 if ready else NEGATIVE


async def _checks(workspace: Workspace) -> tuple[Check, ...]:
    blueprint, _ = workspace.compiler.compile(workspace.assumed_grounds())
    warnings = workspace.loaded.located(audit(workspace.site, workspace.registry, blueprint))
    machines, members = len(blueprint.topology.machines), len(blueprint.topology.members)
    site = Check(str(workspace.file), f"{called(workspace)} is valid: {machines} machines, {members} members", warnings)
    own = (_secrets(workspace, blueprint), *_certificates(workspace), _lock(workspace.store))
    return site, *own, *await workspace.examine(blueprint)


def _certificates(workspace: Workspace) -> tuple[Check, ...]:
    before = workspace.store.blueprint()
    if before is None:
        return ()
    governed = workspace.is_governed(before)
    about = "controllers renew the site's" if governed else "the site's are valid for 30 days at least"
    return (Check("certificates", about, ending(workspace.vault, before, governed=governed)),)


def _secrets(workspace: Workspace, blueprint: Blueprint) -> Check:
    try:
        found = len(workspace.find_secrets(blueprint))
        return Check("secrets", f"{found} found where the site file says" if found else "the site file names none")
    except Invalid as error:
        return Check("secrets", "some cannot be found", error.findings)


def _lock(store: Store) -> Check:
    about = "nobody else is changing the site"
    try:
        with store.lock("doctor"):
            return Check("this site", about)
    except OutlastError as error:
        return Check("this site", about, error.findings)


def _mark(check: Check) -> str:
    if not check.passed:
        return "[red]✗[/]"
    return "[yellow]●[/]" if check.findings else "[green]●[/]"
