"""Secrets of the site file: every one of them is read by somebody."""

from __future__ import annotations

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.readers import readers
from outlast.kernel.errors import Finding, Severity
from outlast.site.schema import Site


def check(site: Site, blueprint: Blueprint) -> list[Finding]:
    """A secret that nobody reads: a slip, or one that need not be found any more."""
    read = readers(blueprint)
    return [
        Finding(
            where=f"secrets.{name}",
            what=f"nobody reads the secret {name}",
            why="no app names it, so `outlast up` does not look for it",
            fix=f"name it in an app, as in `secrets: {{ {name.upper().replace('-', '_')}: {name} }}`, or remove it",
            severity=Severity.WARNING,
        )
        for name in site.secrets
        if name not in read
    ]
