"""How a command ends when it is asked to."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# Waits as a long command does, and says when it does.
SCRIPT = """
import asyncio, sys
from outlast.cli import main
async def work():
    print("at work", flush=True)
    await asyncio.sleep(20)
main.run = lambda arguments: asyncio.run(work())
try:
    main.main()
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("background", [False, True])
def test_it_ends_when_it_is_asked_also_in_the_background(number: signal.Signals, background: bool) -> None:
    # A shell without job control has what it starts with `&` ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if background else None
    try:
        process = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        process.send_signal(number)
        assert process.wait(10) == 130
