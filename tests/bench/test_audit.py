"""The comparison of verdicts with what happened rejects what it must reject."""

from __future__ import annotations

from bench.audit import Trial


def test_a_verdict_that_was_right() -> None:
    assert not Trial("east-data-1", {"database": True, "web": False}, {"database": True, "web": False}, 1.0).differs


def test_a_service_that_was_said_to_go_on_and_did_not() -> None:
    assert Trial("east-data-1", {"database": True}, {"database": False}, 1.0).differs


def test_a_service_that_was_said_to_stop_and_went_on() -> None:
    assert Trial("east/data", {"database": False}, {"database": True}, 1.0).differs
