"""Whoever yields takes what others leave of the processors."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from outlast.machines.yielding import NICE, YIELDS


def test_a_command_that_yields_is_nice_and_does_the_same() -> None:
    done = subprocess.run(
        [*YIELDS, "sh", "-c", 'nice; cat; exit "$1"', "sh", "7"], input=b"told\n", capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{min(19, os.nice(0) + NICE)}\ntold\n".encode(), b"")


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not know sessions")
def test_it_yields_to_other_sessions_as_well() -> None:
    done = subprocess.run(
        ["setsid", "--wait", *YIELDS, "cat", "/proc/self/autogroup"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split()[-1] == str(NICE)
