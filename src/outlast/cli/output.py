"""Prints values for people: findings, and the result of a verb. JSON goes to stdout alone, all else to stderr."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from outlast.kernel.errors import Finding, Severity

STYLE = {Severity.ERROR: "bold red", Severity.WARNING: "bold yellow", Severity.NOTE: "bold cyan"}

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)
if not out.is_terminal:
    # A pipe or a file has no width of its own; tables shall not be broken for it.
    out.width = 200


def print_json(value: object) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, indent=2, default=_plain))  # noqa: T201 - the one place that prints a document


def print_findings(findings: Iterable[Finding], console: Console = err) -> None:
    """Each finding with where, what, why and fix, and its evidence indented below."""
    for finding in findings:
        style = STYLE[finding.severity]
        console.print(f"[{style}]{finding.severity}[/] [bold]{escape(finding.where)}[/]: {escape(finding.what)}")
        for line in finding.evidence:
            console.print(f"    [dim]│ {escape(line)}[/]")
        console.print(f"  why: {escape(finding.why)}")
        console.print(f"  fix: {escape(finding.fix)}")


def as_json(findings: Iterable[Finding]) -> dict[str, object]:
    """The shape of errors under `--json`."""
    return {"findings": [dataclasses.asdict(finding) for finding in findings]}


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)
