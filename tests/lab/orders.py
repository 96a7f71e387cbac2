"""Customers who order without a pause, and remember what they were promised."""

from __future__ import annotations

import threading
import time
import uuid
from itertools import pairwise
from types import TracebackType

import httpx

from tests.lab.site import LabSite

MOST = 20_000
PAUSE = 0.01


class Orders:
    """One customer in a thread: order after order, each with a token of its own, bounded in count.

    `acknowledged` holds (token, when) of every order that was answered 201 or 200; times are monotonic seconds.
    After `most` orders they leave. `thing` is what they order, as the catalogue counts: there is not enough of one for
    many customers who stay for long.
    """

    def __init__(self, site: LabSite, url: str, most: int = MOST, thing: int = 0) -> None:
        self.url = url
        self._most = most
        self.acknowledged: list[tuple[str, float]] = []
        self.errors = 0
        self._client = site.client(url)
        offered = self._client.get("/api/products", params={"limit": thing + 1}).json()["products"]
        self._product = offered[thing]["id"]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def since(self, when: float) -> int:
        """How many orders were acknowledged after `when`."""
        return sum(at > when for _, at in list(self.acknowledged))

    def longest_gap(self, since: float) -> float:
        """The longest time without an acknowledgement after `since`, in seconds."""
        times = [at for _, at in list(self.acknowledged) if at > since]
        return max((later - earlier for earlier, later in pairwise(times)), default=float("inf"))

    def __enter__(self) -> Orders:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(timeout=30)
        self._client.close()

    def _work(self) -> None:
        for _ in range(self._most):
            if self._stop.wait(PAUSE):
                return
            self._order(uuid.uuid4().hex)

    def _order(self, token: str) -> None:
        """One order, tried again with the same token until it is answered or the customer leaves."""
        order = {"token": token, "items": [{"product": self._product, "quantity": 1}]}
        while not self._stop.is_set():
            try:
                answer = self._client.post("/api/orders", json=order)
            except httpx.HTTPError:
                self.errors += 1
                continue
            if answer.status_code in (200, 201):
                self.acknowledged.append((token, time.monotonic()))
                return
            self.errors += 1
            self._stop.wait(PAUSE)
