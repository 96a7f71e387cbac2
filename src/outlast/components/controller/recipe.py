"""How Outlast's own release is made: a virtual environment, and the package where that finds it."""

from __future__ import annotations

from outlast.components.controller.options import ControllerOptions
from outlast.contract import virtualenv
from outlast.contract.component import Recipe
from outlast.contract.source import OWN

PYTHON = ".venv/bin/python"
# The source is the package itself; a path file makes the environment find it, whoever starts its Python. What a
# process without rights to write here imports must be compiled before.
SCRIPT = f"""\
{virtualenv.MAKE}
.venv/bin/pip install --disable-pip-version-check --no-cache-dir --no-deps --require-hashes -r requirements.txt
{virtualenv.LEAVE}
mkdir -p library/outlast
for each in *; do test "$each" = library || mv "$each" library/outlast/; done
echo "$PWD/library" > "$({PYTHON} -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/outlast.pth"
{PYTHON} -m compileall -q library
"""


def recipe(_options: ControllerOptions) -> Recipe:
    """The release of the very Outlast that makes the site."""
    return Recipe(OWN, SCRIPT)
