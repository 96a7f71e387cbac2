"""What `scale` shows, and how what cannot be is refused before anything is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from outlast.cli.main import run
from outlast.controller.workspace import open_workspace

# Without controllers, so that nobody is asked what they made of it.
TEXT = """\
site: shop
domain: shop.test
datacenters: { east: { machines: lab } }
controller: { members: 0 }
apps:
  web:
    source: ./app
    run: serve
    scale: { min: 2, max: 8 }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A site that was applied, as far as its folder knows."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("serve = 1\n")
    path = tmp_path / "site.yaml"
    path.write_text(TEXT)
    workspace = open_workspace(path)
    blueprint, _ = workspace.compiler.compile(workspace.assumed_grounds())
    workspace.store.keep(blueprint)
    return path


def test_it_shows_sizes_and_bounds(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scale", "-f", str(file), "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)["sizes"]
    assert shown == {
        "service": "web",
        "datacenter": "east",
        "members": 2,
        "least": 2,
        "most": 8,
        "season": "",
        "asked": "",
    }
    assert run(["scale", "web", "-f", str(file)]) == 0
    assert "2 to 8" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("app", "size", "why"),
    [
        ("web", "9", "the site file allows 2 to 8"),
        ("web", "0", "the site file allows 2 to 8"),
        ("web", "3-6", "a size is a number, two of them, or `auto`"),
        ("web", "6..3", "the smaller number comes first"),
        ("web", "3..6", "the site has no controllers, or all the machines that it can have"),
        ("mail", "3", "those that do: web"),
    ],
)
def test_what_cannot_be_is_refused(
    file: Path, capsys: pytest.CaptureFixture[str], app: str, size: str, why: str
) -> None:
    before = (file.parent / ".outlast/blueprint.json").read_bytes()
    assert run(["scale", app, size, "-f", str(file), "--json"]) == 2
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["why"] == why
    assert finding["fix"]
    assert (file.parent / ".outlast/blueprint.json").read_bytes() == before


def test_a_number_that_the_file_refuses_is_shown_where_the_file_says_so(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["scale", "web", "99", "-f", str(file), "--json"]) == 2
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["where"] == f"{file}:9:12"


def test_what_is_so_already_changes_nothing(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for size in ("2", "auto"):
        assert run(["scale", "web", size, "-f", str(file), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["done"] == []
