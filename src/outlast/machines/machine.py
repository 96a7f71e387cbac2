"""What a machine is, whoever made it: a name that can run a command, take a file and give one back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from outlast.kernel.errors import Finding


@dataclass(frozen=True, slots=True)
class Result:
    """What a command on a machine answered. `returncode` is negative when a signal ended it."""

    returncode: int
    stdout: bytes
    stderr: bytes


class ExitError(Exception):
    """A command whose output is read line by line ended with a status that is not 0."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Machine(Protocol):
    """An open connection to one machine, as root. Every call raises `Unreachable` when it gives no answer.

    Many calls may be under way at once over the one connection.
    """

    @property
    def name(self) -> str: ...

    async def run(self, argv: Sequence[str], *, stdin: bytes | Path = b"", limit: float = 60.0) -> Result:
        """Run `argv` (never through a shell) and wait for at most `limit` seconds. A local file as its input may be of
        any size: it is not held in memory."""
        ...

    def lines(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> AsyncIterator[str]:
        """Run `argv`, yielding what it prints line by line, both streams as one.

        Raises `ExitError` unless it ends with 0, and `TimeoutError` when it does not end within `limit` seconds.
        """
        ...

    async def put(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Replace one file, atomically; its folder is made when missing."""
        ...

    async def put_file(self, path: str, source: Path, *, mode: int = 0o644) -> None:
        """The same for a local file of any size, without holding it in memory."""
        ...

    async def get(self, path: str) -> bytes:
        """The content of one file. Raises `FileNotFoundError` when the machine has none."""
        ...

    async def close(self) -> None: ...


def unanswered(name: str, why: str) -> Finding:
    """The finding of a machine that gives no answer."""
    return Finding(name, "the machine gives no answer", why, "see `outlast status`; it says whether the machine runs")
