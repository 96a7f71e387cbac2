"""Gives the terminal to another program until it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from types import FrameType


def give(command: Sequence[str]) -> int:
    """Run a program in this terminal; answers its exit code as a shell would."""
    # Only the program decides what Ctrl-C means, from its first instant. It would inherit SIG_IGN, but not a handler.
    before = signal.signal(signal.SIGINT, _nothing)
    try:
        process = subprocess.Popen(command)
        while True:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode if process.returncode >= 0 else 128 - process.returncode
            # `~^Z` stops OpenSSH alone: the shell gives its prompt when this process stops too, and `fg` wakes both.
            os.kill(os.getpid(), signal.SIGSTOP)
    finally:
        signal.signal(signal.SIGINT, before)


def _nothing(_signal: int, _frame: FrameType | None) -> None:
    """Ctrl-C is for the program."""
