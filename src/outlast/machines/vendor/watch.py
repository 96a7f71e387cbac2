"""Keeps a vendor alive: starts it, and starts it again when it ends, until the site is gone.

`python -m outlast.machines.vendor.watch NAME WANTED`: `NAME` is what the box calls it, `WANTED` the file that says what
it serves. The vendor holds the other end of a pipe from here: when this process dies first, the vendor becomes it. So
either may be killed, and the other brings both back. Standard library only, because it is there to be small.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

FIRST, LONGEST = 0.2, 10.0
# Whoever lived so long starts again at once.
STEADY = 30.0
SERVE = "outlast.machines.vendor.serve"
FAILED = b"failed\n"
# What only a crash says; all else goes to the log, which has a bound.
LAST_WORDS = "last-words"


def main() -> None:
    """The life of this process."""
    name, wanted = sys.argv[1:3]
    # A person who ends it wants it ended, and the vendor not to take its place.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(0))
    wait = FIRST
    while Path(wanted).exists():
        began = time.monotonic()
        _live(name, wanted)
        with suppress(OSError):  # whoever waits for the first one to be ready
            os.write(sys.stdout.fileno(), FAILED)
        wait = FIRST if time.monotonic() - began >= STEADY else min(2 * wait, LONGEST)
        time.sleep(wait)


def _live(name: str, wanted: str) -> None:
    """One life of the vendor."""
    ours, theirs = os.pipe()
    with Path(wanted).with_name(LAST_WORDS).open("wb") as words:
        argv = [sys.executable, "-m", SERVE, name, wanted, str(ours)]
        child = subprocess.Popen(argv, pass_fds=[ours], stdin=subprocess.DEVNULL, stderr=words)
    os.close(ours)
    try:
        child.wait()
    finally:
        child.kill()
        os.close(theirs)


if __name__ == "__main__":
    main()
