"""Customers of the web: requests at a fixed rate over every floating address, whatever became of those before.

Open loop: a request is due at its time, and how long it took counts from there; a client that waits for its answer
before it asks again would hide an outage. Every request comes over a connection of its own, as a new visitor's does;
one visitor per address keeps the connection that it had before the fault.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from outlast.proof.history import AGAIN, Kind, Operation, Outcome
from outlast.site.promises import Customers

TIMEOUT = httpx.Timeout(10.0, connect=3.0)
# An order is asked again with the same token until it is taken, as a customer does who was told "try again".
PATIENCE, PAUSE = 15.0, 0.1
MOST_WAITING = 400
MOST_REQUESTS = 200_000
KEPT_PAUSE = 0.1
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

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """Visitors come inside; at the end those that wait for an answer wait on, with their patience."""
        context = ssl.create_default_context(cafile=str(self.authority))
        fresh = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        async with httpx.AsyncClient(verify=context, timeout=TIMEOUT, limits=fresh, trust_env=False) as client:
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
        async with httpx.AsyncClient(verify=context, timeout=TIMEOUT, trust_env=False) as client:

            async def one(token: str) -> None:
                async with turns:
                    for attempt in range(5):
                        url = self.urls[attempt % len(self.urls)]
                        if await self._ask(
                            client, url, Kind.FETCH, token, "GET", order.found.replace("{token}", token)
                        ):
                            return

            await asyncio.gather(*map(one, dict.fromkeys(tokens)))

    def _visitors(
        self, client: httpx.AsyncClient, context: ssl.SSLContext, url: str
    ) -> Sequence[Coroutine[Any, Any, None]]:
        order, browse = self.customers.order, self.customers.browse
        come = [self._loop(client, url, self.customers.rate, order=False), self._kept(context, url)] if browse else []
        return [*come, self._loop(client, url, self.customers.orders, order=True)] if order else come

    async def _loop(self, client: httpx.AsyncClient, url: str, rate: float, *, order: bool) -> None:
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

    async def _browse(self, client: httpx.AsyncClient, url: str, number: int, due: float) -> None:
        path = self.customers.browse[number % len(self.customers.browse)]
        await self._ask(client, url, Kind.BROWSE, path, "GET", path, due=due)

    async def _order(self, client: httpx.AsyncClient, url: str, due: float) -> None:
        assert self.customers.order is not None
        order, token = self.customers.order, uuid4().hex
        body = order.body.replace("{token}", token)
        while time.time() < due + PATIENCE:
            if await self._ask(client, url, Kind.ORDER, token, "POST", order.path, due=due, body=body):
                return
            await asyncio.sleep(PAUSE)

    async def _kept(self, context: ssl.SSLContext, url: str) -> None:
        """One visitor who keeps a connection."""
        async with httpx.AsyncClient(verify=context, timeout=TIMEOUT, trust_env=False) as client:
            for number in range(MOST_REQUESTS):
                path = self.customers.browse[number % len(self.customers.browse)]
                await self._ask(client, url, Kind.BROWSE, path, "GET", path, name="kept")
                await asyncio.sleep(KEPT_PAUSE)

    async def _ask(
        self,
        client: httpx.AsyncClient,
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
            answer = await client.request(method, f"{url.rstrip('/')}{path}", content=body, headers=headers)
        except (httpx.ReadError, httpx.RemoteProtocolError, httpx.WriteError) as error:
            if kind is Kind.BROWSE and name != AGAIN:
                # It broke after it was made, as those do that end at a machine that is lost. What changes nothing is
                # asked again by itself: once, and all of it counts as one long request.
                return await self._ask(client, url, kind, key, method, path, due=began, name=AGAIN)
            self._note(url, kind, key, began, _outcome(method, kind, error), type(error).__name__, name)
            return False
        except httpx.HTTPError as error:
            self._note(url, kind, key, began, _outcome(method, kind, error), type(error).__name__, name)
            return False
        if answer.is_success:
            self._note(url, kind, key, began, Outcome.OK, "", name)
            return True
        # Looked up and not there is an answer; anything else says nothing about the order.
        absent = kind is Kind.FETCH and answer.status_code == NOT_FOUND
        certain = absent or kind is Kind.BROWSE
        outcome = Outcome.FAILED if certain else Outcome.UNKNOWN
        self._note(url, kind, key, began, outcome, f"status {answer.status_code}", name)
        return absent

    def _note(
        self, url: str, kind: Kind, key: str, began: float, outcome: Outcome, error: str, name: str = "new"
    ) -> None:
        source = httpx.URL(url).host
        self.operations.append(Operation(f"{source}/{name}", kind, key, began, time.time(), outcome, error=error))


def _outcome(method: str, kind: Kind, error: httpx.HTTPError) -> Outcome:
    """What is known of a request without an answer: a write that was sent may have been carried out."""
    sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    return Outcome.UNKNOWN if kind is Kind.FETCH or (sent and method != "GET") else Outcome.FAILED
