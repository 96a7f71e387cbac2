"""Customers at a steady, bounded rate over every address: whatever fails is counted.

They ask again only as every browser does, when a connection that was kept ended without an answer. An order bears a
token, so that asking twice orders once.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from types import TracebackType
from typing import TypeAlias

import httpx

from tests.lab.asking import over_kept
from tests.lab.site import LabSite

LOG = logging.getLogger(__name__)
LIMIT = 5.0

Work: TypeAlias = Callable[[httpx.Client], str]


class Steady:
    """For each address a customer who browses and one who orders, each `rate` times a second.

    `answered` counts what was answered well, `again` tells of kept connections that ended, `failed` of all the rest.
    """

    def __init__(self, site: LabSite, urls: list[str], rate: float = 5.0) -> None:
        self.answered = 0
        self.orders: list[str] = []
        self.again: list[str] = []
        self.failed: list[str] = []
        self._site, self._rate = site, rate
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._product = site.client(urls[0]).get("/api/products", params={"limit": 1}).json()["products"][0]["id"]
        works: list[tuple[str, str, Work]] = [("browse", url, self._browse) for url in urls]
        works += [("order", url, self._order) for url in urls]
        self._threads = [threading.Thread(target=self._work, args=each, daemon=True) for each in works]

    def __enter__(self) -> Steady:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=30)
        LOG.info(
            "%d requests were answered, %d of them orders; %d failed; connections that ended: %s",
            self.answered,
            len(self.orders),
            len(self.failed),
            self.again,
        )

    def _work(self, name: str, url: str, work: Work) -> None:
        began, count = time.monotonic(), 0
        with self._site.client(url) as client:
            while not self._stop.wait(max(0.0, began + count / self._rate - time.monotonic())):
                count += 1
                at = time.monotonic()
                try:
                    said = over_kept(lambda: work(client), self.again)
                except httpx.HTTPError as error:
                    said = f"{type(error).__name__}: {error}"
                with self._lock:
                    self.answered += not said
                    if said:
                        self.failed.append(f"{name} at {url} after {time.monotonic() - at:.2f} s: {said}")

    def _browse(self, client: httpx.Client) -> str:
        """Empty when it was answered."""
        status = client.get("/api/products", params={"limit": 4}, timeout=LIMIT).status_code
        return "" if status == 200 else f"status {status}"

    def _order(self, client: httpx.Client) -> str:
        token = uuid.uuid4().hex
        order = {"token": token, "items": [{"product": self._product, "quantity": 1}]}
        status = client.post("/api/orders", json=order, timeout=LIMIT).status_code
        if status != 201:
            return f"status {status}"
        self.orders.append(token)
        return ""
