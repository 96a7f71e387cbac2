"""Connections that are kept between calls, for whoever looks at the same machines again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
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

    A connection that gave no answer once is never used again.
    """

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._open: dict[str, Machine] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """The kept connection, or a new one."""
        async with self._turns.setdefault(name, asyncio.Lock()):
            if name not in self._open:
                self._open[name] = await self._connector.connect(name, limit=limit)
            return _Lent(self._open[name], self)

    async def close(self) -> None:
        """Close all of them."""
        machines, self._open = list(self._open.values()), {}
        await asyncio.gather(*(machine.close() for machine in machines), return_exceptions=True)

    async def forget(self, names: Iterable[str]) -> None:
        """Never use the connections to these machines again: they are about to be broken."""
        for machine in [self._open[name] for name in names if name in self._open]:
            await self.drop(machine)

    async def drop(self, machine: Machine) -> None:
        """Never use this connection again."""
        if self._open.get(machine.name) is machine:
            del self._open[machine.name]
        with suppress(Unreachable):
            await machine.close()


class _Lent:
    """A kept connection in the hands of one user."""

    def __init__(self, machine: Machine, keeper: Kept) -> None:
        self._machine = machine
        self._keeper = keeper

    @property
    def name(self) -> str:
        return self._machine.name

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> Result:
        try:
            return await self._machine.run(argv, stdin=stdin, limit=limit)
        except Unreachable:
            await self._keeper.drop(self._machine)
            raise

    async def lines(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> AsyncIterator[str]:
        try:
            async for line in self._machine.lines(argv, stdin=stdin, limit=limit):
                yield line
        except Unreachable:
            await self._keeper.drop(self._machine)
            raise

    async def put(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        try:
            await self._machine.put(path, content, mode=mode)
        except Unreachable:
            await self._keeper.drop(self._machine)
            raise

    async def put_file(self, path: str, source: Path, *, mode: int = 0o644) -> None:
        try:
            await self._machine.put_file(path, source, mode=mode)
        except Unreachable:
            await self._keeper.drop(self._machine)
            raise

    async def get(self, path: str) -> bytes:
        try:
            return await self._machine.get(path)
        except Unreachable:
            await self._keeper.drop(self._machine)
            raise

    async def close(self) -> None:
        """Hand it back."""
