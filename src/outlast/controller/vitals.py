"""How a process does, in one small question: whether it runs, how often it died, what memory it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outlast.machines.machine import Machine

LIMIT = 5.0
# Memory is what its processes hold themselves, in and out of swap. Files that they read are no leak, and systemd's
# MemoryCurrent, which counts them, is not there where the memory controller is not. Source: proc_pid_status(5).
# Every member is asked while a release takes over, next to what serves: Python would take ten times the processor.
SCRIPT = """
systemctl show "$@" --property ActiveState,NRestarts,ControlGroup | while IFS= read -r line; do
    printf '%s\\n' "$line"
    group=${line#ControlGroup=}
    [ "$line" != "$group" ] && [ -n "$group" ] || continue
    find "/sys/fs/cgroup$group" -name cgroup.procs -exec cat {} + 2> /dev/null | sed 's|.*|/proc/&/status|' |
        xargs --no-run-if-empty cat 2> /dev/null |
        awk '/^(RssAnon|RssShmem|VmSwap):/ { total += $2 } END { printf "Memory=%.0f\\n", total * 1024 }'
done
"""


@dataclass(frozen=True, slots=True)
class Vitals:
    """One service. `memory` is in bytes, 0 when it is not known."""

    runs: bool
    restarts: int
    memory: int


async def vitals(machine: Machine, services: Sequence[str]) -> tuple[Vitals, ...]:
    """Those of each service on a machine. Raises `Unreachable`."""
    done = await machine.run(["sh", "-c", SCRIPT, "vitals", *services], limit=LIMIT)
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
