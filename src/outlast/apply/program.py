"""The programs that run on machines, each as one text: its modules, and those that they import, one after another.

Their imports of each other are left out: what they name stands in the same text, so no name may be defined twice.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib.resources import files

PACKAGE = "outlast.apply"
LANDER = (
    "onboard/standing",
    "onboard/releases",
    "onboard/packages",
    "onboard/lease",
    "onboard/ledger",
    "onboard/services",
    "onboard/probes",
    "onboard/look",
    "lander",
)
HOLDER = ("onboard/lease", "onboard/holder")
PULSE = ("onboard/probes", "onboard/metric", "onboard/pulse")
GREETING = ("onboard/greeting",)


@cache
def program(modules: tuple[str, ...] = LANDER) -> str:
    """The text for `python3 -c`: the lander's, unless others are named."""
    return "\n".join(_without_own_imports(module_text(name)) for name in modules)


def answering(verb: str) -> str:
    """The text of the program that answers a verb: a lease is asked for so often that it has one of its own."""
    return program(HOLDER if verb == "lease" else LANDER)


def module_text(name: str) -> str:
    """The text of one of its modules."""
    return files(PACKAGE).joinpath(f"{name}.py").read_text(encoding="utf-8")


def _without_own_imports(text: str) -> str:
    lines = text.splitlines()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return "\n".join(lines)
