"""`outlast docs`: what a section of the site file may say, and the JSON Schema for editors."""

from __future__ import annotations

import json as json_module
from typing import Annotated

import typer

from outlast.cli.output import out
from outlast.contract.registry import discover
from outlast.kernel.errors import Finding, Invalid
from outlast.site.schema_json import json_schema
from outlast.site.starter import document, titles
from outlast.topology.sections import sections


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(docs)


def docs(
    section: Annotated[str | None, typer.Argument(help="A section of the site file; left out: the list.")] = None,
    json_schema_: Annotated[
        bool, typer.Option("--json-schema", help="Print the JSON Schema of the site file, for editors.")
    ] = False,
) -> None:
    """Explain a section of the site file."""
    known = sections(discover())
    if json_schema_:
        out.out(json_module.dumps(json_schema(known), indent=2))
        return
    if section is None:
        for name, summary in titles(known).items():
            out.print(f"[bold]{name:14}[/] {summary}")
        return
    if section not in titles(known):
        fix = f"choose one of: {', '.join(titles(known))}"
        raise Invalid(Finding(f"docs {section}", "there is no such section", "no component brings it", fix))
    out.out(document(section, known))
