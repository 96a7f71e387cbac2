"""Whose sessions are ended, without a machine."""

from __future__ import annotations

from typing import Any

import pytest

from tests.components.galera.views import program

TICK = 0.1


@pytest.fixture
def sessions() -> Any:
    return program("sessions")


def looks(askers: Any, seconds: float, heard: dict[str, float], *, since: float = 0.0) -> list[tuple[float, str]]:
    """A look each tenth of a second; `heard`: addresses with the time until which they ask."""
    found: list[tuple[float, str]] = []
    for number in range(round(seconds / TICK)):
        now = since + number * TICK
        for address, until in heard.items():
            if now <= until:
                askers.heard(address, now)
        found += [(now, address) for address in askers.gone(now)]
    return found


def test_who_asks_on_is_left_alone(sessions: Any) -> None:
    assert looks(sessions.Askers(), 60, {"10.0.0.1": 60, "10.0.0.2": 60}) == []


def test_who_falls_silent_is_told_once_and_soon(sessions: Any) -> None:
    ((at, address),) = looks(sessions.Askers(), 30, {"10.0.0.1": 30, "10.0.0.2": 10})
    assert address == "10.0.0.2"
    assert sessions.SILENCE < at - 10 <= sessions.SILENCE + 3 * TICK


def test_who_was_never_heard_is_not_missed(sessions: Any) -> None:
    assert looks(sessions.Askers(), 10, {}) == []


def test_whoever_stood_still_himself_blames_nobody(sessions: Any) -> None:
    askers = sessions.Askers()
    assert looks(askers, 2, {"10.0.0.1": 2}) == []
    # Stopped for a minute, and the questions of that time are still to be read.
    assert askers.gone(62.0) == []
    assert looks(askers, 2, {"10.0.0.1": 64}, since=62.1) == []


def test_one_that_comes_back_is_watched_again(sessions: Any) -> None:
    askers = sessions.Askers()
    assert [address for _, address in looks(askers, 5, {"10.0.0.1": 1})] == ["10.0.0.1"]
    assert [address for _, address in looks(askers, 5, {"10.0.0.1": 6}, since=5)] == ["10.0.0.1"]


class Cursor:
    """A database with three sessions, one of which ends by itself."""

    class Connection:
        Error = RuntimeError

    connection = Connection()

    def __init__(self) -> None:
        self.asked: list[tuple[str, object]] = []

    def execute(self, statement: str, values: object = None) -> None:
        self.asked.append((statement, values))
        if statement == "KILL CONNECTION 8":
            raise RuntimeError("unknown thread")

    def fetchall(self) -> list[tuple[int]]:
        return [(7,), (8,), (9,)]


def test_every_session_of_an_address_is_ended(sessions: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cursor = Cursor()
    sessions.end(cursor, "10.0.0.1")
    (_, values), *killed = cursor.asked
    assert values == ("10.0.0.1:%",)
    assert [statement for statement, _ in killed] == [f"KILL CONNECTION {number}" for number in (7, 8, 9)]
    assert "ended its 2 sessions" in capsys.readouterr().out
