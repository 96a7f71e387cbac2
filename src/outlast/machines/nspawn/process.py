"""The processes of machines: started apart from the command that starts them, found again by their names.

Each machine has a control group of its own. Without one, all of them would share the group that nspawn makes below
the caller's, and a service that stops in one machine would take those of the same name elsewhere with it.
"""

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
# Each machine's systemd holds four or five inotify instances of root's, and the kernel's default of 128 is used up by
# 25 machines: the next one ends without a word. The value lasts until the box is booted again.
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 8192
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
        *_own_group(machine),
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
        # Not given by itself: for floating addresses and firewalls, and for daemons that keep their memory unswapped.
        "--capability=CAP_NET_ADMIN,CAP_IPC_LOCK",
    ]
    if int(INOTIFY.read_text()) < INOTIFY_INSTANCES:
        INOTIFY.write_text(f"{INOTIFY_INSTANCES}\n")
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
    _remove_groups(machine)


def _own_group(machine: str) -> list[str]:
    """What must stand before a command so that it runs in the machine's own control group."""
    if Path("/run/systemd/system").is_dir():
        # A scope, or the machine would also end with the operator's session.
        scope = ("--property=Delegate=yes", "--property=TasksMax=infinity", f"--unit={machine}")
        return ["systemd-run", "--scope", "--quiet", "--collect", *scope]
    groups = _groups(machine)
    if not groups:
        return []
    script = 'for group in $1; do mkdir -p "$group"; echo $$ > "$group/cgroup.procs"; done; shift; exec "$@"'
    return ["sh", "-e", "-c", script, "own-group", " ".join(str(group) for group in groups)]


def _groups(machine: str) -> list[Path]:
    """The machine's place in the unified hierarchy and, on a box that has both, in systemd's old one."""
    lines = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    # After the dash stand the type, the source and the options of the file system (proc_pid_mountinfo(5)).
    ends = [(Path(fields[4]), fields[fields.index("-") + 1 :]) for fields in lines]
    return [
        point / "outlast" / machine
        for point, (kind, _, options) in ends
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(","))
    ]


def _remove_groups(machine: str) -> None:
    for group in _groups(machine):
        for folder, _, _ in os.walk(group, topdown=False):
            with suppress(OSError):
                # A group goes by `rmdir`; its files are not files.
                Path(folder).rmdir()


def _children(process: int) -> list[int]:
    with suppress(ProcessLookupError, FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    return []
