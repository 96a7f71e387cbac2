"""`outlast completion SHELL`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import get_completion_script  # pyright: ignore[reportPrivateImportUsage]

from outlast.cli.output import out


class Shell(StrEnum):
    """Shells that can complete."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(completion)


def completion(shell: Annotated[Shell, typer.Argument(help="The shell to complete in.")]) -> None:
    """Print a completion script: `outlast completion bash > /etc/bash_completion.d/outlast`."""
    out.out(get_completion_script(prog_name="outlast", complete_var="_OUTLAST_COMPLETE", shell=shell.value))
