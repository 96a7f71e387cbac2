"""Customers of the web: requests at a fixed rate over every floating address, whatever became of those before.

Open loop: a request is due at its time, and how long it took counts from there; a client that waits for its answer
before it asks again would hide an outage. Every request comes over a connection of its own, as a new visitor's does;
one visitor per address keeps the connection that it had before the fault.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

# Not httpx, as elsewhere: customers share the computer with a site in a lab, and this costs half as much processor for
# a request over a new connection, a fifth for one over a kept connection (measured).
from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientError,
    ClientHandlerType,
    ClientOSError,
    ClientRequest,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    ConnectionTimeoutError,
    DummyCookieJar,
    ServerDisconnectedError,
    SocketTimeoutError,
    TCPConnector,
)

from outlast.proof.history import AGAIN, Kind, Operation, Outcome
from outlast.site.promises import NUMBER, NUMBERS, TOKEN, Customers

TIMEOUT = ClientTimeout(total=None, sock_connect=3.0, sock_read=10.0)
# An order is asked again with the same token until it is taken, as a customer does who was told "try again".
PATIENCE, PAUSE = 15.0, 0.1
MOST_WAITING = 400
MOST_REQUESTS = 200_000
KEPT_PAUSE = 0.2
FETCHES_AT_ONCE = 6
NOT_FOUND = 404


@dataclass
class HttpLoad:
    """The visitors of one trial. `operations` grows while they come."""

    urls: tuple[str, ...]
    authority: Path
    customers: Customers
    operations: list[Operation] = field(default_factory=list[Operation])
    _waiting: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]], init=False)
    _numbers: Iterator[int] = field(default_factory=lambda: cycle(range(1, NUMBERS + 1)), init=False)

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Visitors come inside; at the end those that wait for an answer wait on, with their patience."""
        context = ssl.create_default_context(cafile=str(self.authority))
        async with _session(context, fresh=True) as client:
            tasks = [asyncio.create_task(come) for url in self.urls for come in self._visitors(client, context, url)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                if self._waiting:
                    _, late = await asyncio.wait(self._waiting, timeout=PATIENCE)
                    for task in late:
                        task.cancel()

    async def fetch(self) -> None:
        """Look up every acknowledged order, over the first address that answers."""
        order = self.customers.order
        if order is None:
            return
        tokens = [o.key for o in self.operations if o.kind is Kind.ORDER and o.acknowledged]
        turns = asyncio.Semaphore(FETCHES_AT_ONCE)
        context = ssl.create_default_context(cafile=str(self.authority))
        async with _session(context) as client:

            async def one(token: str) -> None:
                async with turns:
                    for attempt in range(5):
                        url = self.urls[attempt % len(self.urls)]
                        if await self._ask(client, url, Kind.FETCH, token, "GET", order.found.replace(TOKEN, token)):
                            return

            await asyncio.gather(*map(one, dict.fromkeys(tokens)))

    def _visitors(
        self, client: ClientSession, context: ssl.SSLContext, url: str
    ) -> Sequence[Coroutine[Any, Any, None]]:
        order, browse = self.customers.order, self.customers.browse
        come = [self._loop(client, url, self.customers.rate, order=False), self._kept(context, url)] if browse else []
        return [*come, self._loop(client, url, self.customers.orders, order=True)] if order else come

    async def _loop(self, client: ClientSession, url: str, rate: float, *, order: bool) -> None:
        began = time.time()
        for number in range(MOST_REQUESTS):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.time()))
            if len(self._waiting) >= MOST_WAITING:
                # Said, not hidden: nobody was there to ask.
                self._note(url, Kind.BROWSE, "", due, Outcome.FAILED, "too many requests wait")
                continue
            what = self._order(client, url, due) if order else self._browse(client, url, number, due)
            task = asyncio.create_task(what)
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)

    async def _browse(self, client: ClientSession, url: str, number: int, due: float) -> None:
        path = self.customers.browse[number % len(self.customers.browse)]
        await self._ask(client, url, Kind.BROWSE, path, "GET", path, due=due)

    async def _order(self, client: ClientSession, url: str, due: float) -> None:
        assert self.customers.order is not None
        order, token = self.customers.order, uuid4().hex
        body = order.body.replace(TOKEN, token).replace(NUMBER, str(next(self._numbers)))
        while time.time() < due + PATIENCE:
            if await self._ask(client, url, Kind.ORDER, token, "POST", order.path, due=due, body=body):
                return
            await asyncio.sleep(PAUSE)

    async def _kept(self, context: ssl.SSLContext, url: str) -> None:
        """One visitor who keeps a connection."""
        async with _session(context) as client:
            for number in range(MOST_REQUESTS):
                path = self.customers.browse[number % len(self.customers.browse)]
                await self._ask(client, url, Kind.BROWSE, path, "GET", path, name="kept")
                await asyncio.sleep(KEPT_PAUSE)

    async def _ask(
        self,
        client: ClientSession,
        url: str,
        kind: Kind,
        key: str,
        method: str,
        path: str,
        *,
        due: float | None = None,
        body: str | None = None,
        name: str = "new",
    ) -> bool:
        """One request, noted; whether it was answered for good."""
        began = due or time.time()
        headers = {"content-type": "application/json"} if body else None
        try:
            asked = client.request(
                method, f"{url.rstrip('/')}{path}", data=body, headers=headers, allow_redirects=False
            )
            async with asked as answer:
                await answer.read()
        except ClientError as error:
            if kind is Kind.BROWSE and name != AGAIN and _broke(error):
                # It broke after its connection was there, as those do that end at a machine that is lost. What changes
                # nothing is asked again by itself: once, and all of it counts as one long request.
                return await self._ask(client, url, kind, key, method, path, due=began, name=AGAIN)
            sent = not isinstance(error, ClientConnectorError | ConnectionTimeoutError)
            why = type(error.__cause__ or error).__name__
            self._note(url, kind, key, began, _outcome(method, kind, sent=sent), why, name)
            return False
        if answer.status // 100 == 2:
            self._note(url, kind, key, began, Outcome.OK, "", name)
            return True
        # Looked up and not there is an answer; anything else says nothing about the order.
        absent = kind is Kind.FETCH and answer.status == NOT_FOUND
        certain = absent or kind is Kind.BROWSE
        outcome = Outcome.FAILED if certain else Outcome.UNKNOWN
        self._note(url, kind, key, began, outcome, f"status {answer.status}", name)
        return absent

    def _note(
        self, url: str, kind: Kind, key: str, began: float, outcome: Outcome, error: str, name: str = "new"
    ) -> None:
        source = urlsplit(url).hostname
        self.operations.append(Operation(f"{source}/{name}", kind, key, began, time.time(), outcome, error=error))


def _session(context: ssl.SSLContext, *, fresh: bool = False) -> ClientSession:
    """One visitor's way to the site, or that of many whom nobody knows again: each with a connection of its own."""
    connector = TCPConnector(ssl=context, limit=0, force_close=fresh)
    return ClientSession(connector=connector, timeout=TIMEOUT, cookie_jar=DummyCookieJar(), middlewares=(once,))


async def once(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """aiohttp asks again by itself what changes nothing when its connection breaks, and does not say so: this does."""
    try:
        return await handler(request)
    except ClientConnectorError:
        raise
    except (ClientOSError, ServerDisconnectedError) as error:
        raise ClientConnectionError(str(error)) from error


def _broke(error: ClientError) -> bool:
    """Whether a connection ended that had been made: before it was secure, or with the request on its way.

    Refused is not that, nor is silence: who gets one or the other was not served.
    """
    if isinstance(error, ClientConnectorError):
        return isinstance(error.os_error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError)
    return not isinstance(error, SocketTimeoutError | ConnectionTimeoutError)


def _outcome(method: str, kind: Kind, *, sent: bool) -> Outcome:
    """What is known of a request without an answer: a write that was sent may have been carried out."""
    return Outcome.UNKNOWN if kind is Kind.FETCH or (sent and method != "GET") else Outcome.FAILED
