"""What the owner may say of times with other bounds, and how what means nothing is refused."""

from __future__ import annotations

from datetime import time
from typing import Any

import pytest
from pydantic import ValidationError

from outlast.components.app.schedule import Entry


def season(**said: Any) -> Any:
    return Entry.model_validate({"min": 3, **said}).season


@pytest.mark.parametrize(
    ("text", "days"),
    [("", range(7)), ("mon-fri", range(5)), ("sat, sun", (5, 6)), ("fri-mon", (4, 5, 6, 0)), ("Wed", (2,))],
)
def test_days(text: str, days: list[int]) -> None:
    assert season(days=text).days == frozenset(days)


@pytest.mark.parametrize(
    ("text", "begin", "end"),
    [("", time(), time()), ("08:00-18:30", time(8), time(18, 30)), ("22:00-24:00", time(22), time())],
)
def test_hours(text: str, begin: time, end: time) -> None:
    found = season(hours=text)
    assert (found.begin, found.end) == (begin, end)


def test_dates_may_pass_new_year() -> None:
    found = season(dates="11-20..01-06")
    assert (found.first, found.last) == ((11, 20), (1, 6))


def test_it_is_named_by_the_owners_words() -> None:
    assert season(days="mon-fri", hours="08:00-18:00").name == "mon-fri 08:00-18:00"


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ({"days": "monday"}, "names no days"),
        ({"days": "mon-"}, "names no days"),
        ({"hours": "8-18"}, "no time of the day"),
        ({"hours": "08:00-25:00"}, "no time of the day"),
        ({"hours": "08:00-08:00"}, "nothing, or always"),
        ({"dates": "02-30..03-01"}, "are no dates"),
        ({"dates": "november"}, "are no dates"),
        ({"zone": "Europe/Nowhere"}, "is not known"),
        ({"zone": "../etc/passwd"}, "is not known"),
        ({"min": None}, "asks for nothing"),
        ({"min": 5, "max": 4}, "less than min"),
    ],
)
def test_what_means_nothing_is_refused(said: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        Entry.model_validate({"min": 3, **said})
