"""The processes of machines: started apart from the command that starts them, found again by what /proc shows.

Each machine has a control group of its own. Without one, all of them would share the group that nspawn makes below
the caller's, and a service that stops in one machine would take those of the same name elsewhere with it.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from contextlib import suppress
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.nspawn.names import PREFIX

STOP_LIMIT = 20.0
# nspawn tidies up behind a machine that ended; when it does not, it is ended itself.
TIDY_LIMIT = 3.0
# Each machine's systemd holds four or five inotify instances of root's, and the kernel's default of 128 is used up by
# 25 machines: the next one ends without a word. The value lasts until the box is booted again.
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_INSTANCES = 8192
PROPAGATE = Path("/run/systemd/nspawn/propagate")
# On a box with hybrid cgroups, stopping services inside fails without it.
ENVIRONMENT = {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
# Where each machine has a group, and where processors are shared, on a box that keeps that apart.
KINDS, SHARES = frozenset({"cgroup2", "name=systemd"}), frozenset({"cpu"})
# Made twice: the last machine of another lab may take the common folder away between its making and ours.
OWN_GROUP = """
for group in $1; do
    mkdir -p "$group" 2>/dev/null || mkdir -p "$group"
    if [ -n "$2" ] && [ -e "$group/cpu.idle" ]; then echo 1 > "$group/cpu.idle"; fi
    echo $$ > "$group/cgroup.procs"
done
shift 2
exec "$@"
"""


def running(prefix: str) -> dict[str, set[int]]:
    """Machines whose names begin with `prefix`, with all their processes: nspawn and whatever runs inside."""
    group = re.compile(rf"/({re.escape(prefix)}[a-z0-9-]*)(?:\.scope)?(?:/|$)", re.MULTILINE)
    argument = re.compile(rf"\0--machine=({re.escape(prefix)}[a-z0-9-]*)\0")
    found: dict[str, set[int]] = defaultdict(set)
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended while we looked
            # nspawn is known by its arguments until it is in its group, what is inside by the group alone.
            name = group.search((path / "cgroup").read_text()) or argument.search((path / "cmdline").read_text())
            if name and not _ended(path):
                found[name[1]].add(int(path.name))
    return dict(found)


async def start(machine: str, hostname: str, root: Path, console: Path) -> None:
    """Boot a machine in its network namespace; what it prints goes to `console`. Does not wait for it."""
    nspawn = [
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
    # In a session of its own and nobody's child: it outlives the command, its terminal and its Ctrl-C.
    argv = ["setsid", "--fork", *own_group(machine), *nspawn]
    with console.open("wb") as log:
        starter = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT}
        )
        await starter.wait()


async def kill(*machines: str) -> None:
    """End machines at once, as a power failure does. Raises `OutlastError` when one will not end."""
    began = time.monotonic()
    while alive := _alive(machines):
        waited = time.monotonic() - began
        if waited >= STOP_LIMIT:
            raise OutlastError(*(_immortal(machine, processes) for machine, processes in alive.items()))
        for machine, processes in alive.items():
            inside = [process for process in processes if _is_inside(process)]
            is_tidying = (PROPAGATE / machine).exists() and waited < TIDY_LIMIT
            _end(inside or (() if is_tidying else processes))
        await asyncio.sleep(0.02)
    for machine in machines:
        sweep(machine)


def sweep(prefix: str) -> None:
    """Remove the empty folders and groups of machines that ended."""
    for folder in PROPAGATE.glob(f"{prefix}*"):
        shutil.rmtree(folder, ignore_errors=True)
    for hierarchy in _hierarchies(KINDS | SHARES):
        for group in hierarchy.glob(f"outlast/{prefix}*"):
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):
                    # A group goes by `rmdir`; its files are not files.
                    Path(folder).rmdir()
        with suppress(OSError):
            (hierarchy / "outlast").rmdir()  # only the last machine of all labs leaves it empty


def own_group(machine: str, *, idle: bool = False) -> list[str]:
    """What must stand before a command so that it runs in the machine's own control group. `idle`: with what the others
    leave of the processors, as far as this box can tell them apart."""
    if Path("/run/systemd/system").is_dir():
        # A scope, or the machine would also end with the operator's session.
        scope = ("--property=Delegate=yes", "--property=TasksMax=infinity", f"--unit={machine}")
        least = ("--property=CPUWeight=1",) if idle else ()
        return ["systemd-run", "--scope", "--quiet", "--collect", *scope, *least]
    hierarchies = _hierarchies(KINDS | SHARES if idle else KINDS)
    groups = " ".join(str(hierarchy / "outlast" / machine) for hierarchy in hierarchies)
    return ["sh", "-e", "-c", OWN_GROUP, "own-group", groups, "1" if idle else ""]


def _hierarchies(kinds: Set[str] = KINDS) -> list[Path]:
    """Where the unified control groups are and, on a box that has both kinds, the old ones that are named."""
    found: list[Path] = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        # After the dash stand the type, the source and the options of the file system (proc_pid_mountinfo(5)).
        kind, _, options = fields[fields.index("-") + 1 :]
        if kind in kinds or (kind == "cgroup" and kinds & set(options.split(","))):
            found.append(Path(fields[4]))
    return found


def _alive(machines: Sequence[str]) -> dict[str, set[int]]:
    found = running(PREFIX) if machines else {}
    return {machine: found[machine] for machine in machines if machine in found}


def _immortal(machine: str, processes: set[int]) -> Finding:
    why = f"processes {sorted(processes)} are still there {STOP_LIMIT:g} s after they were killed"
    return Finding(machine, "the machine does not end", why, "see what the kernel says in dmesg")


def _end(processes: Iterable[int]) -> None:
    for process in processes:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _is_inside(process: int) -> bool:
    """Whether it runs in a machine: in more nested process namespaces than we do."""
    return _depth(str(process)) > _depth("self")


def _depth(process: str) -> int:
    with suppress(OSError):
        status = Path(f"/proc/{process}/status").read_text()
        return next(len(line.split()) for line in status.splitlines() if line.startswith("NSpid:"))
    return 0


def _ended(path: Path) -> bool:
    # The state follows the name, which may itself hold parentheses (proc_pid_stat(5)).
    return (path / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
