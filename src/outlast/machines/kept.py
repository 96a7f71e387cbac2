"""Connections that are kept between calls, for whoever looks at the same machines again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from outlast.kernel.errors import Unreachable
from outlast.machines.machine import Machine, Result


class Connector(Protocol):
    """Whoever opens connections to machines: a provider, or somebody who keeps them."""

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """Open a connection to a machine; `Unreachable` when it gives no answer within `limit` seconds."""
        ...


class Kept:
    """Keeps one connection to each machine. Whoever is handed one may close it: that leaves it open for the next.

    A connection that gave no answer once is never used again. With `tried` a kept one must show first, within so many
    seconds, that it still works: its machine may have begun another life since.
    """

    def __init__(self, connector: Connector, *, tried: float | None = None) -> None:
        self._connector = connector
        self._tried = tried
        self._open: dict[str, Machine] = {}
        self._broken: list[Machine] = []
        self._turns: dict[str, asyncio.Lock] = {}

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """The kept connection, or a new one."""
        async with self._turns.setdefault(name, asyncio.Lock()):
            kept = self._open.get(name)
            if kept is not None and self._tried is not None and not await _works(kept, self._tried):
                self.drop(kept)
            if name not in self._open:
                self._open[name] = await self._connector.connect(name, limit=limit)
            return _Lent(self._open[name], self)

    def rely_on(self, connector: Connector) -> None:
        """Open new ones with this connector from now on. Those that are open stay so."""
        self._connector = connector

    async def close(self) -> None:
        """Close all of them."""
        self._broken += self._open.values()
        self._open = {}
        await self.tidy()

    async def tidy(self) -> None:
        """Close what is never used again. For whoever keeps connections for long; `close` does it too."""
        broken, self._broken = self._broken, []
        await asyncio.gather(*(machine.close() for machine in broken), return_exceptions=True)

    def forget(self, names: Iterable[str]) -> None:
        """Never use the connections to these machines again: they are about to be broken."""
        for machine in [self._open[name] for name in names if name in self._open]:
            self.drop(machine)

    def drop(self, machine: Machine) -> None:
        """Never use this connection again. It is closed later: to take leave of the silent takes time."""
        if self._open.get(machine.name) is machine:
            self._broken.append(self._open.pop(machine.name))


async def _works(machine: Machine, limit: float) -> bool:
    try:
        await machine.run(["true"], limit=limit)
    except Unreachable:
        return False
    return True


class _Lent:
    """A kept connection in the hands of one user."""

    def __init__(self, machine: Machine, keeper: Kept) -> None:
        self._machine = machine
        self._keeper = keeper

    @property
    def name(self) -> str:
        return self._machine.name

    async def run(self, argv: Sequence[str], *, stdin: bytes | Path = b"", limit: float = 60.0) -> Result:
        with self._trusted():
            return await self._machine.run(argv, stdin=stdin, limit=limit)

    async def lines(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> AsyncIterator[str]:
        with self._trusted():
            async for line in self._machine.lines(argv, stdin=stdin, limit=limit):
                yield line

    async def put(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        with self._trusted():
            await self._machine.put(path, content, mode=mode)

    async def put_file(self, path: str, source: Path, *, mode: int = 0o644) -> None:
        with self._trusted():
            await self._machine.put_file(path, source, mode=mode)

    async def get(self, path: str) -> bytes:
        with self._trusted():
            return await self._machine.get(path)

    async def close(self) -> None:
        """Hand it back."""

    @contextmanager
    def _trusted(self) -> Generator[None]:
        try:
            yield
        except Unreachable:
            self._keeper.drop(self._machine)
            raise
