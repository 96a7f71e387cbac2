"""A machine whose customers come first: what is run on it takes what they leave of its processors."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from outlast.machines.machine import Machine, Result

NICE = 15
# Also where sessions share the processors by session: a nice value counts only within its own. Source: sched(7).
YIELD = f'{{ echo {NICE} > /proc/self/autogroup; }} 2> /dev/null; exec nice -n {NICE} "$@"'
YIELDS = ("sh", "-c", YIELD, "yield")


@dataclass(frozen=True)
class Yielding:
    """The same machine. What is read line by line keeps its priority: a lease must not run out on a busy machine."""

    machine: Machine

    @property
    def name(self) -> str:
        """The machine's name."""
        return self.machine.name

    async def run(self, argv: Sequence[str], *, stdin: bytes | Path = b"", limit: float = 60.0) -> Result:
        """Run `argv` behind whoever serves."""
        return await self.machine.run((*YIELDS, *argv), stdin=stdin, limit=limit)

    def lines(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> AsyncIterator[str]:
        """As the machine does."""
        return self.machine.lines(argv, stdin=stdin, limit=limit)

    async def put(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """As the machine does."""
        await self.machine.put(path, content, mode=mode)

    async def put_file(self, path: str, source: Path, *, mode: int = 0o644) -> None:
        """As the machine does."""
        await self.machine.put_file(path, source, mode=mode)

    async def get(self, path: str) -> bytes:
        """As the machine does."""
        return await self.machine.get(path)

    async def close(self) -> None:
        """End the connection."""
        await self.machine.close()
