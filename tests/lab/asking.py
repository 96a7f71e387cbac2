"""A customer who asks again and again in a thread of their own, for tests that must not cost a request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import httpx

from tests.lab.site import LabSite

Answer = TypeVar("Answer")

PAUSE = 0.02
MOST = 20_000


@dataclass
class Answers:
    """What came: texts of good answers by how often, and everything that was none. `again`: the kept connection ended
    without an answer, and the same was asked over a new one, as every browser does."""

    texts: dict[str, int] = field(default_factory=dict[str, int])
    wrong: list[str] = field(default_factory=list[str])
    again: list[str] = field(default_factory=list[str])

    @property
    def count(self) -> int:
        """The good ones."""
        return sum(self.texts.values())


@contextmanager
def asking(site: LabSite, path: str = "/") -> Generator[Answers]:
    """Every address of the site is asked in turn, over a connection that is kept and over new ones."""
    answers, over = Answers(), threading.Event()
    urls = site.status()["urls"]

    def ask() -> None:
        with site.client(urls[0]) as kept:
            for number in range(MOST):
                if over.wait(PAUSE):
                    return
                try:
                    if number % 2:
                        answer = over_kept(lambda: kept.get(path), answers.again)
                    else:
                        with site.client(urls[number // 2 % len(urls)]) as client:
                            answer = client.get(path)
                    if answer.is_success:
                        answers.texts[answer.text] = answers.texts.get(answer.text, 0) + 1
                    else:
                        answers.wrong.append(f"status {answer.status_code}")
                except httpx.HTTPError as error:
                    answers.wrong.append(repr(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield answers
    finally:
        over.set()
        thread.join()


def over_kept(ask: Callable[[], Answer], again: list[str]) -> Answer:
    """Ask over a kept connection; when that ended without an answer, note it in `again` and ask over a new one."""
    try:
        return ask()
    except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
        again.append(repr(error))
        return ask()
