"""Whoever presses Ctrl-C is told that nothing is lost by it, and the exit code says so too."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

LIMIT = 20.0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_says_that_it_goes_on_where_it_stopped(tmp_path: Path, number: int) -> None:
    # A site file that nobody writes to: reading it waits until it is interrupted.
    file = tmp_path / "site.yaml"
    os.mkfifo(file)
    argv = [sys.executable, "-c", "from outlast.cli.start import main; main()", "check", "-f", str(file)]
    with (
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process,
        # Opened when the command has opened it too: it waits for text then.
        file.open("w", encoding="utf-8"),
    ):
        process.send_signal(number)
        _, said = process.communicate(timeout=LIMIT)
    assert process.returncode == 130
    assert "the same command goes on where this one stopped" in said
