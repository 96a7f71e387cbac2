"""Customers for benches, cheap enough for the box that also runs the site: requests that are due at fixed times, over
connections that are kept and over new ones, orders among them.

A client library would take more of the processors than what is measured; this one knows just enough HTTP/1.1.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from outlast.site.promises import NUMBERS

PATIENCE = 20.0
MOST = 500_000
ORDER = '{"token": "%s", "items": [{"product": %d, "quantity": 1}]}'


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: when it was due (seconds, monotonic), how long its answer took from then, and what went wrong."""

    kind: str
    due: float
    seconds: float
    wrong: str = ""


@dataclass
class Traffic:
    """`rate` requests a second in all: of ten, six over kept connections, three over new ones, one an order."""

    urls: tuple[str, ...]
    authority: Path
    rate: float
    path: str = "/api/products?limit=24"
    asked: list[Asked] = field(default_factory=list[Asked])
    orders: list[str] = field(default_factory=list[str])
    again: int = 0

    def __post_init__(self) -> None:
        self._context = ssl.create_default_context(cafile=str(self.authority))
        self._idle: dict[str, list[Connection]] = {url: [] for url in self.urls}
        self._waiting: set[asyncio.Task[None]] = set()
        # Not all the same: they would wait for one row of the database, and every one for those before.
        self._products = cycle(range(1, NUMBERS + 1))

    @asynccontextmanager
    async def coming(self) -> AsyncGenerator[None]:
        """Customers come inside."""
        task = asyncio.create_task(self._come())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            if self._waiting:
                await asyncio.wait(self._waiting, timeout=PATIENCE)

    async def missing(self) -> list[str]:
        """The acknowledged orders that the shop does not know."""
        gone: list[str] = []
        for number, token in enumerate(self.orders):
            url = self.urls[number % len(self.urls)]
            status = await self._over_new(url, "GET", f"/api/orders/{token}", "")
            if status != 200:
                gone.append(token)
        return gone

    async def _come(self) -> None:
        began = time.monotonic()
        for number in range(MOST):
            due = began + number / self.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            kind = ("kept", "new", "kept", "kept", "new", "kept", "order", "kept", "new", "kept")[number % 10]
            task = asyncio.create_task(self._one(kind, self.urls[number % len(self.urls)], due))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def _one(self, kind: str, url: str, due: float) -> None:
        wrong = ""
        try:
            async with asyncio.timeout(PATIENCE):
                match kind:
                    case "kept":
                        status = await self._over_kept(url, self.path)
                    case "new":
                        status = await self._over_new(url, "GET", self.path, "")
                    case _:
                        token = uuid4().hex
                        status = await self._over_new(url, "POST", "/api/orders", ORDER % (token, next(self._products)))
                        if 200 <= status < 300:
                            self.orders.append(token)
            wrong = "" if 200 <= status < 300 else f"status {status}"
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            wrong = type(error).__name__
        self.asked.append(Asked(kind, due, time.monotonic() - due, wrong))

    async def _over_kept(self, url: str, path: str) -> int:
        while self._idle[url]:
            connection = self._idle[url].pop()
            try:
                status = await connection.ask("GET", path, "")
            except (OSError, EOFError):
                # The other end closed it while it was idle: every client asks again over the next one.
                self.again += 1
                connection.close()
                continue
            self._keep(url, connection)
            return status
        connection = await Connection.open(url, self._context)
        status = await connection.ask("GET", path, "")
        self._keep(url, connection)
        return status

    def _keep(self, url: str, connection: Connection) -> None:
        connection.close() if connection.ended else self._idle[url].append(connection)

    async def _over_new(self, url: str, method: str, path: str, body: str) -> int:
        connection = await Connection.open(url, self._context)
        try:
            return await connection.ask(method, path, body)
        finally:
            connection.close()


class Connection:
    """One TLS connection with requests one after another."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host, self._reader, self._writer = host, reader, writer
        self.ended = False

    @classmethod
    async def open(cls, url: str, context: ssl.SSLContext) -> Connection:
        """Connect. Raises `OSError`."""
        host = urlsplit(url).hostname or ""
        reader, writer = await asyncio.open_connection(host, 443, ssl=context)
        return cls(host, reader, writer)

    async def ask(self, method: str, path: str, body: str) -> int:
        """One request; its status. Raises `OSError` or `EOFError` when the connection ends before the answer does."""
        more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self._writer.write(f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n{more}\r\n{body}".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status = int(head.split(" ", 2)[1])
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        if "chunked" in fields.get("transfer-encoding", ""):
            while size := int((await self._reader.readuntil(b"\r\n")).strip(), 16):
                await self._reader.readexactly(size + 2)
            await self._reader.readexactly(2)
        else:
            await self._reader.readexactly(int(fields.get("content-length", "0")))
        self.ended = fields.get("connection") == "close"
        return status

    def close(self) -> None:
        """End it."""
        self._writer.close()
