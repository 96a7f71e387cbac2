"""How busy this computer is, which the customers come from, and which the whole of a lab is on: who waits for a
processor looks like who waits for an answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
