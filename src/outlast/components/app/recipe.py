"""How a release of an app is built from its source."""

from __future__ import annotations

from outlast.components.app.options import AppOptions
from outlast.contract.component import Recipe
from outlast.contract.source import Image

# A Python source gets a virtual environment of its own, made where it will run: its scripts name that path.
PYTHON = "if [ -f requirements.txt ] || [ -f pyproject.toml ]; then python3 -m venv .venv; fi"
PATH = 'export PATH="$PWD/.venv/bin:$PWD/node_modules/.bin:$PWD/bin:$PATH"'


def recipe(options: AppOptions) -> Recipe:
    """The owner's build command, with the tools of the release first on the path. An image is built already."""
    if isinstance(options.origin, Image):
        return Recipe(options.origin, ":")
    return Recipe(options.origin, "\n".join([PYTHON, PATH, options.build or ":"]))
