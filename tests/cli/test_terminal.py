"""Another program has the terminal: its end and its stops are ours."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys

import pytest

from outlast.cli.terminal import give


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -TERM $$", 128 + 15)])
def test_its_exit_code_is_passed_on(script: str, code: int) -> None:
    assert give(["sh", "-c", script]) == code


def test_ctrl_c_is_for_the_program_only() -> None:
    before = signal.getsignal(signal.SIGINT)
    script = f"kill -INT {os.getpid()}; trap 'exit 5' INT; kill -INT $$; exit 1"
    assert give(["bash", "-c", script]) == 5
    assert signal.getsignal(signal.SIGINT) == before


def test_it_stops_with_the_program_and_both_go_on() -> None:
    process = multiprocessing.get_context("fork").Process(target=stopping)
    process.start()
    assert process.pid is not None
    _, status = os.waitpid(process.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    # What a shell does for `fg`.
    os.killpg(process.pid, signal.SIGCONT)
    _, status = os.waitpid(process.pid, 0)
    assert os.waitstatus_to_exitcode(status) == 3


def stopping() -> None:
    os.setpgid(0, 0)
    sys.exit(give(["sh", "-c", "kill -STOP $$; exit 3"]))
