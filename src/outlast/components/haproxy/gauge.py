"""The load of every app, from the counters of the edge's backends.

Source of the columns: HAProxy 3.0 Management Guide, "9.1. CSV format".
"""

from __future__ import annotations

import csv
from collections.abc import Iterable

from outlast.components.haproxy.probe import FALLBACK, SOCKET
from outlast.contract.gauge import Gauge, Load

# Of all proxies (-1) the backends only (2): a bit mask of types.
QUESTION = "show stat -1 2 -1\n"
END = "\n\n"
COLUMNS = ("pxname", "scur", "rate", "rtime", "qtime", "ctime", "stot", "act", "bck")


def parse(text: str) -> tuple[Load, ...]:
    """One load for each app that has servers: its backend, and the one that serves it when no machine passes its check.

    `scur` counts requests that wait in a queue too (measured with 3.0.11: four requests at a server that takes two show
    scur 4, qcur 2). The times are averages over the last 1024 requests. Raises `ValueError` or
    `IndexError` for any other text.
    """
    if not text.endswith(END):
        raise ValueError("it was cut off")
    head, *rows = csv.reader(text.removeprefix("# ").splitlines())
    places = [head.index(column) for column in COLUMNS]
    seen = [Backend([row[place] for place in places]) for row in rows if row]
    own = [backend for backend in seen if not backend.name.startswith(FALLBACK)]
    return tuple(_load(backend, seen) for backend in own if any(b.name == FALLBACK + backend.name for b in seen))


class Backend:
    """One row. `seconds` is the time to the first byte of an answer, in the queue and for the connection included."""

    def __init__(self, fields: Iterable[str]) -> None:
        self.name, *numbers = fields
        busy, rate, response, queue, connect, total, active, backups = (int(number or 0) for number in numbers)
        self.busy, self.rate, self.total = busy, rate, total
        self.seconds = (queue + connect + response) / 1000
        self.servers = active + backups


def _load(backend: Backend, seen: Iterable[Backend]) -> Load:
    fallback = next(other for other in seen if other.name == FALLBACK + backend.name)
    both = (backend, fallback)
    # While requests come to one of them only, its average is the one of now.
    counted = [b for b in both if b.rate] or [b for b in both if b.total]
    weight = sum(b.rate or b.total for b in counted)
    mean = sum(b.seconds * (b.rate or b.total) for b in counted) / weight if weight else None
    return Load(backend.name, backend.busy + fallback.busy, backend.rate + fallback.rate, mean, backend.servers)


GAUGE = Gauge(SOCKET, QUESTION, parse)
