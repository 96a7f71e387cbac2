"""Which verbs there are, and that each is quick to find."""

from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from outlast.cli.main import VERBS, application, run


def names(app: typer.Typer) -> set[str]:
    """The verbs that it knows."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    return set(group.commands)


def test_every_verb_is_in_the_module_that_is_said() -> None:
    assert names(application()) == set(VERBS)
    for verb in VERBS:
        assert verb in names(application(verb))


def test_a_verb_brings_in_only_what_it_needs() -> None:
    look = "import sys; from outlast.cli.main import run; run(['version']); print('outlast.controller' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_who_errs_in_a_verb_is_told_the_one_that_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rolback"]) == 2
    assert "rollback" in capsys.readouterr().err


def test_help_of_one_verb_is_as_in_the_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["chaos", "--help"]) == 0
    assert "chaos [OPTIONS] COMMAND" in capsys.readouterr().out
