"""How a release of an app is built from its source."""

from __future__ import annotations

from outlast.components.app.options import AppOptions
from outlast.contract import virtualenv
from outlast.contract.component import Recipe
from outlast.contract.source import Image

# A Python source gets a virtual environment of its own, made where it will run: its scripts name that path.
BEFORE = f"""if [ -f requirements.txt ] || [ -f pyproject.toml ]; then
{virtualenv.MAKE}
fi
export PATH="$PWD/.venv/bin:$PWD/node_modules/.bin:$PWD/bin:$PATH\""""
# An instance may not write here: what is not compiled now is compiled at each start.
AFTER = f"""if [ -x .venv/bin/python ]; then
{virtualenv.LEAVE}
.venv/bin/python -m compileall -qq -x '/(\\.venv|node_modules)/' . || true
fi"""


def recipe(options: AppOptions) -> Recipe:
    """The owner's build command, with the tools of the release first on the path. An image is built already."""
    if isinstance(options.origin, Image):
        return Recipe(options.origin, ":")
    # In a shell of its own: it may end in another folder, or end the shell.
    return Recipe(options.origin, f"{BEFORE}\n(\n{options.build or ':'}\n)\n{AFTER}")
