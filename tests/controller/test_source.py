"""What releases are made of: an app's folder, or the very Outlast that makes the site."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import outlast
from outlast.contract.registry import discover
from outlast.controller.source import Release, missing_sources, releases
from outlast.controller.store import Store
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.sections import sections

ROOT = Path(__file__).parents[2]
TEXT = """
site: shop
domain: shop.test
datacenters: { east: { machines: lab } }
apps: { web: { source: ./app, run: serve } }
"""
# What only the command line needs.
TERMINAL = {"typer", "rich"}
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def wanted(home: Path) -> dict[str, Release]:
    return releases(site(), discover(), home, Store(home / ".outlast"))


def site() -> Site:
    return load(TEXT, "site.yaml", sections(discover())).site


def test_controllers_get_the_outlast_that_is_installed(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    own, web = wanted(tmp_path)["controller"].order, wanted(tmp_path)["web"].order
    assert own.source == Path(outlast.__file__).parent
    assert (own.source / "requirements.txt").is_file()
    assert (own.everywhere, web.everywhere) == (True, False)
    assert web.source == tmp_path / "app"


def test_only_an_app_s_source_can_be_missing(tmp_path: Path) -> None:
    assert set(missing_sources(site(), discover(), tmp_path)) == {"web"}


def test_a_release_names_itself_as_its_source_did(tmp_path: Path) -> None:
    """A leader compiles the site too: it must not take itself for an old release."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "main.py").write_text("serve = 1\n")
    before = wanted(tmp_path)["web"].artifact.digest
    shutil.move(app, tmp_path / "elsewhere")
    shutil.copytree(tmp_path / "elsewhere", app)
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "main.pyc").write_bytes(b"compiled")
    (app / ".venv").mkdir()
    (app / ".venv" / "made").write_text("by the build")
    assert wanted(tmp_path)["web"].artifact.digest == before


def test_controllers_run_the_versions_that_were_tested() -> None:
    own = dict(PINNED.findall((ROOT / "src/outlast/requirements.txt").read_text()))
    tested = dict(PINNED.findall((ROOT / "requirements.lock").read_text()))
    assert own.items() <= tested.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split("[>=]", line)[0] for line in project["dependencies"]}
    assert needed - set(own) == TERMINAL
