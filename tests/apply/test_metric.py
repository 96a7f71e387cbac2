"""What a member shows of itself is read as Prometheus has it; whatever is no figure is unknown, with its reason."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.apply.onboard.metric import LARGEST, LONGEST, body, figure, total

TEXT = """\
# HELP jobs_waiting Jobs that nobody has begun.
# TYPE jobs_waiting gauge
jobs_waiting{queue="mail",note="a } and a blank"} 3
jobs_waiting{queue="art"} 4.5 1395066363000
jobs_waiting_total 100
other 7
"""
NAME, LIMIT = "jobs_waiting", 2.0


@contextmanager
def serving(*pieces: bytes, ends: bool = True) -> Generator[int]:
    """A port that answers one question in these pieces, and then ends or hangs."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            client, _ = server.accept()
            with client:
                assert client.recv(1000).startswith(b"GET /metrics HTTP/1.0\r\nHost: shop.test\r\n")
                for piece in pieces:
                    client.sendall(piece)
                if not ends:
                    over.wait(20)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


def asked(port: int, limit: float = LIMIT) -> dict[str, Any]:
    return figure("127.0.0.1", port, "shop.test", "/metrics", NAME, limit)


def test_all_of_one_name_are_added_up_whatever_their_labels() -> None:
    assert total(TEXT, NAME) == 7.5
    assert total(TEXT, "other") == 7
    assert total("jobs_waiting\t2e1\n", NAME) == 20


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it shows no jobs_waiting"),
        ("jobs_waiting_total 3\n# jobs_waiting 3\n", "it shows no jobs_waiting"),
        ("jobs_waiting NaN\n", "no number from 0 on"),
        ("jobs_waiting +Inf\n", "no number from 0 on"),
        ("jobs_waiting 3\njobs_waiting -1\n", "no number from 0 on"),
        ("jobs_waiting 1e308\njobs_waiting 1e308\n", "no number from 0 on"),
        ("jobs_waiting many\n", "could not convert"),
        ("jobs_waiting \n", "without a value"),
        ('jobs_waiting{queue="mail"\n', "could not convert"),
    ],
)
def test_what_is_no_figure_is_unknown_and_never_zero(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        total(text, NAME)


@given(st.lists(st.floats(min_value=0, max_value=1e9), min_size=1), st.text(alphabet='abc {}"=,'))
def test_whatever_stands_in_labels(values: list[float], label: str) -> None:
    said = label.replace('"', '\\"')
    assert total("".join(f'{NAME}{{a="{said}"}} {value!r}\n' for value in values), NAME) == pytest.approx(sum(values))


@given(st.text())
def test_whatever_an_app_prints_it_is_a_figure_or_a_reason(text: str) -> None:
    try:
        assert total(text, NAME) >= 0
    except ValueError as error:
        assert str(error)


@pytest.mark.parametrize("head", ["HTTP/1.1 200 OK", "HTTP/1.0 204 No Content"])
def test_an_answer_that_is_one(head: str) -> None:
    assert body(f"{head}\r\nA: b\r\n\r\nx 1\n".encode()) == "x 1\n"


def test_it_is_asked_over_http() -> None:
    with serving(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n", TEXT.encode()) as port:
        assert asked(port) == {"value": 7.5, "why": ""}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"HTTP/1.1 404 Not Found\r\n\r\njobs_waiting 3\n", "/metrics: it answers 404"),
        (b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "/metrics: it answers 302"),
        (b"SSH-2.0-what\r\n", "/metrics: it answers no HTTP"),
        (b"", "/metrics: it answers no HTTP"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a 1\n" * (LARGEST // 4 + 1), "/metrics: it answers with more than 1 MiB"),
    ],
)
def test_what_answers_otherwise_is_unknown_with_its_reason(answer: bytes, why: str) -> None:
    with serving(answer) as port:
        assert asked(port) == {"value": None, "why": why}


def test_a_reason_is_short_whatever_an_app_prints() -> None:
    with serving(b"HTTP/1.1 200 OK\r\n\r\njobs_waiting " + b"x" * 10_000) as port:
        assert len(asked(port)["why"]) == LONGEST


def test_one_that_hangs_or_is_not_there_is_unknown_in_time() -> None:
    with serving(b"HTTP/1.1 200 OK\r\n\r\njobs_waiting 3\n", ends=False) as port:
        assert asked(port, 0.3) == {"value": None, "why": "/metrics: timed out"}
    assert asked(port)["value"] is None
