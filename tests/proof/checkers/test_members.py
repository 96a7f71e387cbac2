"""`agree` and `redundancy`: what is said of the members themselves."""

from __future__ import annotations

import pytest

from outlast.proof.checkers import agree, redundancy
from outlast.proof.verdict import Judgement


@pytest.mark.parametrize(
    ("digests", "judgement"),
    [
        ({"a": "1", "b": "1"}, Judgement.VALID),
        ({"a": "1", "b": "1", "c": "1"}, Judgement.VALID),
        ({"a": "1", "b": "2"}, Judgement.INVALID),
        ({"a": "1", "b": "1", "c": "2"}, Judgement.INVALID),
        ({"a": "1", "b": "2", "c": None}, Judgement.INVALID),
        ({"a": "1", "b": "1", "c": None}, Judgement.UNKNOWN),
        ({"a": "1"}, Judgement.UNKNOWN),
        ({"a": None, "b": None}, Judgement.UNKNOWN),
        ({}, Judgement.UNKNOWN),
    ],
)
def test_members_agree(digests: dict[str, str | None], judgement: Judgement) -> None:
    assert agree.check(digests).judgement is judgement


@pytest.mark.parametrize(
    ("digests", "because"),
    [
        ({"a": "1", "b": "2", "c": "1"}, "b has other rows than the others"),
        ({"a": "1", "b": "2", "c": "1", "d": "3", "e": "1"}, "b, d have other rows than the others"),
        ({"a": "1", "b": "2"}, "a, b have different rows"),
        ({"a": "1", "b": "1", "c": None}, "c could not be asked"),
    ],
)
def test_who_differs_or_is_silent_is_named(digests: dict[str, str | None], because: str) -> None:
    assert agree.check(digests).because == because


@pytest.mark.parametrize(
    ("redundant", "judgement"),
    [(0.0, Judgement.VALID), (60.0, Judgement.VALID), (60.1, Judgement.INVALID), (None, Judgement.UNKNOWN)],
)
def test_everything_is_there_again_in_time(redundant: float | None, judgement: Judgement) -> None:
    assert redundancy.check(redundant, limit=60.0).judgement is judgement
