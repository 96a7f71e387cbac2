"""Gives the terminal to another program until it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence


def give(command: Sequence[str]) -> int:
    """Run a program in this terminal; answers its exit code as a shell would."""
    process = subprocess.Popen(command)
    # Only the program decides what Ctrl-C means.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                process.returncode = os.waitstatus_to_exitcode(status)
                return process.returncode if process.returncode >= 0 else 128 - process.returncode
            # `~^Z` stops OpenSSH alone: the shell gives its prompt when this process stops too, and `fg` wakes both.
            os.kill(os.getpid(), signal.SIGSTOP)
    finally:
        signal.signal(signal.SIGINT, before)
