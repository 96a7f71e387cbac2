"""How busy this computer is, which the customers come from, and which the whole of a lab is on: who waits for a
processor looks like who waits for an answer."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

FIRST = -10
STAT = Path("/proc/stat")
# Fields of the first line: user, nice, system, idle, iowait, irq, softirq, steal; those that follow are in these
# already. Source: proc_stat(5).
FIELDS, IDLE = 8, (3, 4)


@dataclass(frozen=True, slots=True)
class Worked:
    """Ticks of all processors since the computer started, and those of them in which they had something to do."""

    all: int
    busy: int

    def since(self, before: Worked) -> float | None:
        """The share that was busy since then; None: no time has passed."""
        passed = self.all - before.all
        return (self.busy - before.busy) / passed if passed > 0 else None


def worked() -> Worked:
    """Until now."""
    ticks = [int(word) for word in STAT.read_text("utf-8").split("\n", 1)[0].split()[1 : FIELDS + 1]]
    return Worked(sum(ticks), sum(ticks) - sum(ticks[place] for place in IDLE))


def go_first() -> None:
    """In a lab the customers share the processors with the machines that they visit: who came late saw no outage."""
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, FIRST)
        # Where sessions share the processor by session, a nice value counts only within its own.
        Path("/proc/self/autogroup").write_text(f"{FIRST}\n", encoding="utf-8")
