"""The text that machines run: whole, self-contained, and no name in it twice."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter

import pytest

from outlast.apply.program import GREETING, HOLDER, LANDER, PULSE, answering, module_text, program

EACH = pytest.mark.parametrize(
    "modules", [LANDER, HOLDER, PULSE, GREETING], ids=["lander", "holder", "pulse", "greeting"]
)


def names(module: str) -> list[str]:
    """What a module defines at its top."""
    found: list[str] = []
    for node in ast.parse(module_text(module)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return found


@EACH
def test_no_name_is_defined_twice(modules: tuple[str, ...]) -> None:
    counted = Counter(name for module in modules for name in names(module))
    assert [name for name, times in counted.items() if times > 1] == []


@EACH
def test_it_needs_nothing_but_the_standard_library(modules: tuple[str, ...]) -> None:
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(program(modules)))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert imported <= sys.stdlib_module_names


def test_a_lease_is_asked_of_a_program_without_the_lander() -> None:
    assert "def land(" in answering("land")
    assert "def land(" not in answering("lease")
    assert "def change_lease(" in answering("lease")


def test_it_fits_into_one_argument() -> None:
    # MAX_ARG_STRLEN of the kernel, 128 KiB (execve(2)).
    assert len(program().encode()) < 100_000
    done = subprocess.run(
        [sys.executable, "-I", "-c", program()], input="", capture_output=True, text=True, check=False
    )
    assert "JSONDecodeError" in done.stderr
