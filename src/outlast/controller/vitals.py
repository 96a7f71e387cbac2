"""How a process does, in one small question: whether it runs, how often it died, what memory it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outlast.machines.machine import Machine

LIMIT = 5.0
# Memory is what its processes hold themselves, in and out of swap. Files that they read are no leak, and systemd's
# MemoryCurrent, which counts them, is not there where the memory controller is not. Source: proc_pid_status(5).
SCRIPT = """
import pathlib, subprocess, sys
HELD = ("RssAnon:", "RssShmem:", "VmSwap:")
def memory(group):
    total = 0
    for processes in pathlib.Path(group).rglob("cgroup.procs"):
        for process in processes.read_text().split():
            try:
                lines = pathlib.Path("/proc/" + process + "/status").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith(HELD))
    return total << 10
command = ["systemctl", "show", *sys.argv[1:], "--property", "ActiveState,NRestarts,ControlGroup"]
for line in subprocess.run(command, stdout=subprocess.PIPE, text=True).stdout.splitlines():
    print(line)
    name, _, group = line.partition("=")
    if name == "ControlGroup" and group:
        print("Memory=" + str(memory("/sys/fs/cgroup" + group)))
"""


@dataclass(frozen=True, slots=True)
class Vitals:
    """One service. `memory` is in bytes, 0 when it is not known."""

    runs: bool
    restarts: int
    memory: int


async def vitals(machine: Machine, services: Sequence[str]) -> tuple[Vitals, ...]:
    """Those of each service on a machine. Raises `Unreachable`."""
    done = await machine.run(["python3", "-c", SCRIPT, *services], limit=LIMIT)
    blocks = done.stdout.decode(errors="replace").split("\n\n")
    found = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in blocks]
    return tuple(map(_vitals, found[: len(services)]))


def _vitals(said: dict[str, str]) -> Vitals:
    restarts, memory = said.get("NRestarts", ""), said.get("Memory", "")
    return Vitals(
        runs=said.get("ActiveState") in ("active", "reloading"),
        restarts=int(restarts) if restarts.isdigit() else 0,
        memory=int(memory) if memory.isdigit() else 0,
    )
