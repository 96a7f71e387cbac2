"""What the owner says of times with other bounds: office hours, weekends, the weeks before a feast."""

from __future__ import annotations

import re
from datetime import date, time
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from outlast.contract.season import EVERY_DAY, MIDNIGHT, Season
from outlast.kernel.invalid import Fault

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:24:00|([01][0-9]|2[0-3]):([0-5][0-9]))")
DATES = re.compile(r"([0-9]{2})-([0-9]{2})\.\.([0-9]{2})-([0-9]{2})")
# A year that has 29 February.
LEAP = 2024


class Entry(BaseModel):
    """A time that comes again, and the machines that there shall be then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: str = Field(default="", description="The days on which it begins: `mon-fri`, or `sat, sun`; left out: all.")
    hours: str = Field(
        default="", description="From when to when: `08:00-18:00`, also over midnight; left out: all day."
    )
    dates: str = Field(default="", description="From which day of the year to which: `11-20..12-31`; left out: all.")
    zone: str = Field(default="UTC", description="The time zone of the hours, such as `Europe/Berlin`.")
    min: int | None = Field(default=None, ge=1, description="Machines that always run the app then.")
    max: int | None = Field(default=None, ge=1, description="The most machines that scaling may ask for then.")

    @property
    def season(self) -> Season:
        """As scaling knows it. Raises `Fault` for words that mean nothing."""
        begin, end = _hours(self.hours)
        first, last = _dates(self.dates)
        said = " ".join(filter(None, (self.days, self.hours, self.dates)))
        return Season(
            name=said or "always",
            days=_days(self.days),
            begin=begin,
            end=end,
            first=first,
            last=last,
            zone=self.zone,
            least=self.min,
            most=self.max,
        )

    @model_validator(mode="after")
    def _means_something(self) -> Entry:
        if self.min is None and self.max is None:
            raise Fault("it asks for nothing", "neither min nor max is there", "write `min: 4`, or take the entry out")
        if self.min is not None and self.max is not None and self.max < self.min:
            why = f"at least {self.min} machines run the app then"
            raise Fault(
                f"max is {self.max}, less than min", why, f"write at least {self.min}, or lower min", at=("max",)
            )
        try:
            ZoneInfo(self.zone)
        except (OSError, ValueError, LookupError):
            why = "it is no time zone of the IANA database"
            raise Fault(f"`{self.zone}` is not known", why, "write one such as `Europe/Berlin`", at=("zone",)) from None
        _ = self.season
        return self


def _days(text: str) -> frozenset[int]:
    if not text:
        return EVERY_DAY
    found: set[int] = set()
    for piece in text.replace(" ", "").lower().split(","):
        first, dash, last = piece.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            why = f"days are {', '.join(DAYS)}"
            raise Fault(f"`{text}` names no days", why, "write `mon-fri`, or `sat, sun`", at=("days",))
        begin, end = DAYS.index(first), DAYS.index(last or first)
        found |= {day % len(DAYS) for day in range(begin, end + 1 if end >= begin else end + 1 + len(DAYS))}
    return frozenset(found)


def _hours(text: str) -> tuple[time, time]:
    if not text:
        return MIDNIGHT, MIDNIGHT
    found = HOURS.fullmatch(text.replace(" ", ""))
    if not found:
        why = "hours are two times of a day with a dash between them"
        raise Fault(f"`{text}` is no time of the day", why, 'write `"08:00-18:00"`', at=("hours",))
    begin, end = time(int(found[1]), int(found[2])), time(int(found[3] or 0), int(found[4] or 0))
    if begin == end and text:
        why = "it begins when it ends"
        raise Fault(f"`{text}` is nothing, or always", why, "leave the hours out for all day", at=("hours",))
    return begin, end


def _dates(text: str) -> tuple[tuple[int, int], tuple[int, int]]:
    if not text:
        return (1, 1), (12, 31)
    found = DATES.fullmatch(text.replace(" ", ""))
    try:
        if not found:
            raise ValueError
        first, last = (date(LEAP, int(found[n]), int(found[n + 1])) for n in (1, 3))
    except ValueError:
        why = "dates are two days of the year, each month and day, with two dots between them"
        raise Fault(f"`{text}` are no dates", why, "write `11-20..12-31`", at=("dates",)) from None
    return (first.month, first.day), (last.month, last.day)
