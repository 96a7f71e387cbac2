"""`outlast init`: a commented starter file, and never over one that is there."""

from __future__ import annotations

import typer

from outlast.cli.options import SITE_FILE, SiteFile
from outlast.cli.output import out
from outlast.contract.registry import discover
from outlast.kernel.errors import Finding, Invalid
from outlast.site.starter import starter
from outlast.topology.sections import sections


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(init)


def init(file: SiteFile = SITE_FILE) -> None:
    """Write a commented starter site file. An existing file is never overwritten."""
    text = starter(file.resolve().parent.name, sections(discover()))
    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        fix = "edit it, or name another with -f"
        raise Invalid(Finding(str(file), "it exists already", "init never overwrites a file", fix)) from None
    out.print(f"wrote {file}\nnext: edit it, then `outlast check` and `outlast up`")
