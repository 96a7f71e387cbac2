"""A Python virtual environment in a release, as shell text for recipes. Its folder is where the text runs.

`python3 -m venv` unpacks and compiles pip anew, which takes more processor time than most builds; every machine has pip
compiled already (see `machines/debian`), so it is lent to the environment for as long as something is built.
"""

from __future__ import annotations

_PACKAGES = "outlast_packages=$(.venv/bin/python -c \"import sysconfig; print(sysconfig.get_path('purelib'))\")"

MAKE = rf"""python3 -m venv --without-pip .venv
{_PACKAGES}
cp -r --preserve=timestamps /usr/lib/python3/dist-packages/pip "$outlast_packages"
printf '#!/bin/sh\nexec "%s/.venv/bin/python" -m pip "$@"\n' "$PWD" > .venv/bin/pip
cp .venv/bin/pip .venv/bin/pip3
chmod 755 .venv/bin/pip .venv/bin/pip3"""

# Whoever wanted another pip, and installed it, keeps that.
LEAVE = f"""{_PACKAGES}
ls -d "$outlast_packages"/pip-*.dist-info > /dev/null 2>&1 ||
rm -rf "$outlast_packages/pip" .venv/bin/pip .venv/bin/pip3"""
