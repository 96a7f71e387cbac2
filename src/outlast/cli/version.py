"""`outlast version`."""

from __future__ import annotations

import platform
import sys

import typer

from outlast import __version__
from outlast.cli.options import AsJson
from outlast.cli.output import out, print_json


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(version)


def version(json: AsJson = False) -> None:
    """Say which version this is."""
    python = platform.python_version()
    if json:
        print_json({"version": __version__, "python": python, "executable": sys.executable})
    else:
        out.print(f"outlast {__version__} (Python {python})")
