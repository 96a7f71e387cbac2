"""Times that come again: over midnight, over New Year, by the clock of another place; what scaling makes of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from outlast.contract.scaling import Scaling
from outlast.contract.season import Season

OFFICE = Season("office", frozenset(range(5)), time(8), time(18), least=4)
NIGHT = Season("night", frozenset({4}), time(22), time(4), most=1)
FEAST = Season("feast", first=(11, 20), last=(1, 6), least=6, most=12)
BERLIN = Season("berlin", begin=time(8), end=time(9), zone="Europe/Berlin", least=3)
# 2026-11-20 is a Friday.
WHEN = "%Y-%m-%d %H:%M"


@pytest.mark.parametrize(
    ("season", "moment", "is_on"),
    [
        (OFFICE, "2026-11-20 07:59", False),
        (OFFICE, "2026-11-20 08:00", True),
        (OFFICE, "2026-11-20 17:59", True),
        (OFFICE, "2026-11-20 18:00", False),
        (OFFICE, "2026-11-21 12:00", False),
        (NIGHT, "2026-11-20 21:59", False),
        (NIGHT, "2026-11-20 22:00", True),
        (NIGHT, "2026-11-21 03:59", True),
        (NIGHT, "2026-11-21 04:00", False),
        (NIGHT, "2026-11-21 23:00", False),
        (FEAST, "2026-11-19 23:59", False),
        (FEAST, "2026-11-20 00:00", True),
        (FEAST, "2027-01-06 23:59", True),
        (FEAST, "2027-01-07 00:00", False),
        # The same hour there is another one here in summer.
        (BERLIN, "2026-12-01 07:30", True),
        (BERLIN, "2026-07-01 07:30", False),
        (BERLIN, "2026-07-01 06:30", True),
    ],
)
def test_a_season_is_on_from_its_first_moment_to_before_its_last(season: Season, moment: str, is_on: bool) -> None:
    assert season.is_on(datetime.strptime(moment, WHEN).replace(tzinfo=UTC)) is is_on


@given(
    some.dates(date(2020, 1, 1), date(2030, 12, 31)),
    some.times(),
    some.times(),
    some.frozensets(some.integers(0, 6), min_size=1),
)
def test_a_season_is_on_for_as_long_as_its_hours_say(day: date, begin: time, end: time, days: frozenset[int]) -> None:
    season = Season("some", days, begin, end)
    first = datetime.combine(day, begin, UTC)
    assert season.is_on(first) is (day.weekday() in days)
    last = datetime.combine(day, end, UTC) + (timedelta(days=1) if end <= begin else timedelta())
    assert season.is_on(last - timedelta(microseconds=1)) is (day.weekday() in days)
    follows = begin == end and last.weekday() in days
    assert season.is_on(last) is follows


def at(moment: str, *seasons: Season) -> Scaling:
    usual = Scaling(least=2, most=8, capacity=10, target=0.5, seasons=seasons)
    return usual.at(datetime.strptime(moment, WHEN).replace(tzinfo=UTC))


def test_outside_of_all_seasons_the_bounds_are_as_always() -> None:
    now = at("2026-11-14 12:00", OFFICE, FEAST)
    assert (now.least, now.most, now.because) == (2, 8, "")


def test_of_several_that_are_on_those_count_that_ask_for_most() -> None:
    now = at("2026-11-20 12:00", OFFICE, FEAST)
    assert (now.least, now.most, now.because) == (6, 12, "office, feast")


def test_what_always_runs_is_never_more_than_there_may_be() -> None:
    now = at("2026-11-20 23:00", NIGHT)
    assert (now.least, now.most) == (2, 2)


def test_the_bounds_of_all_times_hold_those_of_each() -> None:
    assert Scaling(least=2, most=8, capacity=1, target=1, seasons=(NIGHT, FEAST)).bounds == (2, 12)
    assert Scaling(least=2, most=8, capacity=1, target=1, seasons=(Season("low", least=1),)).bounds == (1, 8)
