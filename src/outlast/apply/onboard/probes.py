"""Probes of members: started, waited for within a limit, and ended with all that they started."""

# pyright: basic

import contextlib
import os
import pathlib
import signal
import subprocess
import time

NICE = 4


def begin(argv):
    """Start a probe. It comes after all others: to be looked at must not be felt."""
    # A session of its own, so that all of it can be ended; what it is nice by is then to be said of it, too.
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    yield_session(process.pid)
    return process


def finish(process, deadline):
    """What it printed until `deadline`, by the monotonic clock; return code 124 when it did not end."""
    try:
        stdout, stderr = process.communicate(timeout=max(0.05, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        end(process)
        process.communicate()
        return {"returncode": 124, "stdout": "", "stderr": "no answer in time"}
    return {"returncode": process.returncode, "stdout": stdout, "stderr": stderr}


def end(process):
    """End a probe and whatever it started: what holds its pipes would be waited for."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def yield_to_customers():
    """Whoever calls this, and what it starts, comes after all others."""
    os.nice(NICE)
    yield_session("self")


def yield_session(process):
    """Where sessions share the processor by session, a nice value counts only within its own."""
    with contextlib.suppress(OSError):
        pathlib.Path(f"/proc/{process}/autogroup").write_text(f"{NICE}\n", "utf-8")
