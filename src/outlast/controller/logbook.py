"""What one run did, what it mended and what it could not mend, and when each of its steps ran."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from outlast.controller.outcome import Outcome, Span
from outlast.kernel.errors import Finding


class Logbook:
    """Written while a run goes on; what is in it holds also when the run is ended halfway."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._done: list[str] = []
        self._mended: list[str] = []
        self._findings: list[Finding] = []
        self._spans: list[Span] = []

    @property
    def done(self) -> tuple[str, ...]:
        """What was done so far, one plain line each."""
        return tuple(self._done)

    @property
    def outcome(self) -> Outcome:
        """Everything that is in it."""
        spans = tuple(sorted(self._spans, key=lambda span: span.start))
        return Outcome(self.done, spans, tuple(dict.fromkeys(self._mended)), tuple(self._findings))

    def did(self, *lines: str) -> None:
        """Something was done."""
        self._done += lines

    def mended(self, *lines: str) -> None:
        """Something was put right that somebody else had changed, or had left."""
        self._mended += lines
        self._done += lines

    def lacks(self, findings: Iterable[Finding]) -> None:
        """Something could not be mended."""
        self._findings += findings

    @contextmanager
    def span(self, name: str) -> Generator[None]:
        """A step runs."""
        start = time.monotonic() - self._began
        try:
            yield
        finally:
            self._spans.append(Span(name, start, time.monotonic() - self._began))
