"""The processes of machines: started apart from the command that starts them, found again by their names."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError

STOP_LIMIT = 20.0
PROPAGATE = Path("/run/systemd/nspawn/propagate")
# On a box with hybrid cgroups, stopping services inside fails without it.
ENVIRONMENT = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}


def running(prefix: str) -> dict[str, int]:
    """Machines whose names begin with `prefix`, with the process that holds each: what /proc shows now."""
    found: dict[str, int] = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
            is_zombie = (path.parent / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue  # it ended while we looked
        names = [word.removeprefix("--machine=") for word in words if word.startswith("--machine=")]
        if Path(words[0]).name == "systemd-nspawn" and names and names[0].startswith(prefix) and not is_zombie:
            found[names[0]] = int(path.parent.name)
    return found


async def start(machine: str, hostname: str, root: Path, console: Path) -> None:
    """Boot a machine in its network namespace; what it prints goes to `console`."""
    argv = [
        *_scope(machine),
        "systemd-nspawn",
        "--quiet",
        f"--directory={root}",
        f"--machine={machine}",
        f"--hostname={hostname}",
        f"--network-namespace-path=/run/netns/{machine}",
        "--register=no",
        "--keep-unit",
        "--boot",
        "--console=pipe",
        # Not given by itself when the namespace is ours; floating addresses and firewalls need it.
        "--capability=CAP_NET_ADMIN",
    ]
    with console.open("ab") as log:
        await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A session of its own: the machine outlives the command, its terminal and its Ctrl-C.
            start_new_session=True,
            env={**os.environ, **ENVIRONMENT},
        )


async def kill(machine: str) -> None:
    """End a machine at once, as a power failure does. Raises `OutlastError` when it will not end."""
    deadline = time.monotonic() + STOP_LIMIT
    while holder := running(machine).get(machine):
        for process in (*_children(holder), holder):
            with suppress(ProcessLookupError, FileNotFoundError):
                os.kill(process, signal.SIGKILL)
        if time.monotonic() >= deadline:
            why = f"process {holder} is still there {STOP_LIMIT:g} s after it was killed"
            raise OutlastError(Finding(machine, "the machine does not end", why, "see what the kernel says in dmesg"))
        await asyncio.sleep(0.02)
    shutil.rmtree(PROPAGATE / machine, ignore_errors=True)


def _scope(machine: str) -> list[str]:
    """On a box run by systemd a scope of its own, or the machine would end with the operator's session."""
    if not Path("/run/systemd/system").is_dir():
        return []
    return ["systemd-run", "--scope", "--quiet", "--collect", "--property=Delegate=yes", f"--unit={machine}"]


def _children(process: int) -> list[int]:
    with suppress(ProcessLookupError, FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []
