"""The option `-e`: what `check` says of environments, the variable, and what a shell completes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from outlast.cli.main import application, run

TEXT = """\
site: shop
domain: shop.test
datacenters: { east: { machines: lab } }
apps: { web: { source: ./app, run: serve } }
environments:
  staging: { footprint: compact }
  preview: { apps: { web: { source: ./other } } }
"""
COMPLETE = "import sys; from outlast.cli.start import main; sys.argv[0] = 'outlast'; main()"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    for folder in ("app", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "main.py").write_text("serve = 1\n")
    path = tmp_path / "site.yaml"
    path.write_text(TEXT)
    return path


def test_every_verb_that_reads_the_file_takes_it() -> None:
    def commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:
        for child, command in group.commands.items():
            if hasattr(command, "commands"):
                yield from commands(command, f"{name} {child}")
            else:
                yield f"{name} {child}".strip(), command

    options = {name: {option.name for option in one.params} for name, one in commands(get_command(application()), "")}
    assert {name for name, known in options.items() if "file" in known and "environment" not in known} == {"init"}
    assert {name for name, known in options.items() if "environment" in known} >= {"up", "deploy", "chaos run"}


def test_check_looks_at_all_or_at_one(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "-f", str(file), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["site"], told["environment"], told["machines"]) == ("shop", "", 7)
    assert [(each["site"], each["machines"]) for each in told["environments"]] == [
        ("shop-staging", 3),
        ("shop-preview", 7),
    ]
    assert run(["check", "-f", str(file), "--json", "-e", "staging"]) == 0
    one = json.loads(capsys.readouterr().out)
    assert (one["site"], one["environment"], "environments" in one) == ("shop-staging", "staging", False)
    assert run(["check", "-f", str(file)]) == 0
    text = capsys.readouterr().out
    assert "site shop (no environment) is valid" in text
    assert "site shop-staging (environment staging) is valid" in text


def test_the_variable_names_one_too(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTLAST_ENVIRONMENT", "preview")
    assert run(["check", "-f", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["site"] == "shop-preview"
    assert run(["check", "-f", str(file), "--json", "-e", ""]) == 0
    assert json.loads(capsys.readouterr().out)["environment"] == ""


def test_one_that_the_file_has_not_is_invalid(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "-f", str(file), "-e", "stagin", "--json"]) == 2
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["where"].endswith("site.yaml:5:1")
    assert finding["fix"] == "did you mean `staging`?"


def test_what_an_environment_lacks_is_found_without_naming_it(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (file.parent / "other" / "main.py").unlink()
    (file.parent / "other").rmdir()
    assert run(["check", "-f", str(file), "--json"]) == 2
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["where"].endswith("site.yaml:7:37")
    assert run(["check", "-f", str(file), "--json", "-e", "staging"]) == 0


def test_a_site_that_is_not_up_names_the_command_that_brings_it_up(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["status", "-f", str(file), "-e", "staging", "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["where"], finding["fix"]) == ("shop-staging", "run `outlast up -e staging` first")


@pytest.mark.parametrize(("words", "answers"), [("", ["staging", "preview"]), ("pre", ["preview"]), ("x", [])])
def test_a_shell_completes_names(file: Path, words: str, answers: list[str]) -> None:
    line = f"outlast up -f {file} -e {words}"
    asked = {
        "_OUTLAST_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", COMPLETE], env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == answers
    assert done.stderr == ""
