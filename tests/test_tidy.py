"""The style of the house, as far as a program can judge it."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from outlast.contract.registry import discover
from outlast.site.load import load
from outlast.topology.sections import sections

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "outlast"
COMPONENTS = SOURCE / "components"
THINK, NEVER = 300, 500
VAGUE = {"utils", "util", "helpers", "helper", "misc", "common", "base", "stuff"}
COMPONENT_FILES = {"__init__.py", "alerts.yml", "component.py", "example.yaml", "options.py", "probe.py", "render.py"}
PAPERS = ("README.md", "ARCHITECTURE.md", "GLOSSARY.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE")
# In pieces, so that this file is not its own finding.
UNFINISHED = re.compile("|".join(rf"\b{a}{b}\b" for a, b in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"))))
PLACES = re.compile("|".join(f"{a}{b}" for a, b in (("/wo", "rk/"), ("/ho", "me/[a-z]"), ("/o", "pt/"))))
REGISTRIES = re.compile(
    "|".join(
        rf"{a}{b}" for a, b in (("pypi", r"\.org"), ("python", "hosted"), ("npm", r"js\."), ("deb", r"\.debian\."))
    )
)
BROAD = re.compile(r"except\s*(:|\(?\s*(Base)?Exception\b)")
EXCUSED = re.compile(r"# noqa: BLE001 - \w+")

modules = pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE)))
folders = pytest.mark.parametrize(
    "folder", sorted(path.parent for path in COMPONENTS.glob("*/__init__.py")), ids=lambda folder: folder.name
)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def texts() -> Iterator[tuple[str, str]]:
    """Every text file of the project that a person writes, by its name, with its content."""
    for folder in ("src", "tests", "examples", "docs", "bench"):
        for path in sorted((ROOT / folder).rglob("*")):
            generated = {"__pycache__", ".outlast", "outlast.egg-info", "trees"} & set(path.parts)
            if path.is_file() and not generated and b"\0" not in (content := path.read_bytes()):
                yield str(path.relative_to(ROOT)), content.decode()
    for path in (*ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml", *(ROOT / ".ci").iterdir()):
        yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")


def hits(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern stands in the project's texts."""
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


@modules
def test_a_module_says_its_job_and_is_a_small_room(path: Path) -> None:
    assert ast.get_docstring(tree(path)), "it has no docstring"
    assert path.stem not in VAGUE, "its name says nothing"
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= NEVER
    if lines > THINK:
        warnings.warn(f"{path.relative_to(ROOT)} has {lines} lines: think hard above {THINK}", stacklevel=1)


@modules
def test_a_module_prints_nothing_and_swallows_nothing(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    calls = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    prints = [lines[c.lineno - 1] for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"]
    assert [line for line in prints if "# noqa: T201 - " not in line] == []
    assert [line for line in lines if BROAD.search(line) and not EXCUSED.search(line)] == []


@modules
def test_nobody_imports_a_component_by_name(path: Path) -> None:
    own = f"outlast.components.{path.relative_to(COMPONENTS).parts[0]}" if path.is_relative_to(COMPONENTS) else None
    named = [name for name in imported(path) if name.startswith("outlast.components.")]
    assert [name for name in named if own is None or not f"{name}.".startswith(f"{own}.")] == []


def imported(path: Path) -> Iterator[str]:
    """The modules that a module imports."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@folders
def test_a_component_is_one_complete_folder(folder: Path) -> None:
    have = {path.name for path in folder.iterdir()}
    assert COMPONENT_FILES - have == set(), "it lacks files"
    assert ast.get_docstring(tree(folder / "__init__.py"))
    fills = any("outlast.contract.template" in imported(path) for path in folder.glob("*.py"))
    assert ("templates" in have) == fills, "templates that nobody fills, or nothing to fill"
    last = tree(folder / "component.py").body[-1]
    assert isinstance(last, ast.Assign), "component.py ends in COMPONENT = Component(...)"
    assert [target.id for target in last.targets if isinstance(target, ast.Name)] == ["COMPONENT"]
    assert discover()[folder.name].name == folder.name


def test_nothing_is_left_for_later() -> None:
    assert hits(UNFINISHED) == []


def test_no_box_and_no_registry_is_named() -> None:
    assert hits(PLACES) == []
    assert hits(REGISTRIES) == []


def test_tests_patch_nothing_of_ours_and_sleep_only_until_something_happens() -> None:
    found: list[str] = []
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if "trees" in path.parts:
            continue
        found += [f"{path.name} imports {name}" for name in imported(path) if name.startswith("unittest.mock")]
        for function, call in calls_of(tree(path), ""):
            text = ast.unparse(call.func)
            if text in ("monkeypatch.setattr", "mocker.patch"):
                found.append(f"{path.name}:{call.lineno} patches")
            if text in ("time.sleep", "asyncio.sleep") and "until" not in function:
                found.append(f"{path.name}:{call.lineno} sleeps")
    assert found == []


def calls_of(node: ast.AST, function: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call below a node, with the name of the function around it."""
    for child in ast.iter_child_nodes(node):
        inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if isinstance(child, ast.Call):
            yield inner, child
        yield from calls_of(child, inner)


@pytest.mark.parametrize("paper", PAPERS)
def test_a_paper_is_there(paper: str) -> None:
    assert (ROOT / paper).is_file()


@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*/site.yaml")), ids=lambda path: path.parent.name)
def test_an_example_loads(example: Path) -> None:
    site = load(example.read_text(encoding="utf-8"), str(example), sections(discover())).site
    assert site.site == example.parent.name
    for source in (getattr(wish.options, "source", ".") for wish in site.wishes):
        assert (example.parent / source).is_dir()
