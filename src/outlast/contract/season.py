"""Times that come again (office hours, weekends, the weeks before a feast), and how many members they ask for. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

MIDNIGHT = time()
EVERY_DAY = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Season:
    """Other bounds, for a while. `days` it begins on, 0 is Monday; from `begin` to `end` of the clock in `zone`, over
    midnight when `end` is not later; from the `first` to the `last` date, (month, day), over New Year when `last` is
    earlier. `least` and `most` members, None: as always. `name`: the owner's words for it."""

    name: str
    days: frozenset[int] = EVERY_DAY
    begin: time = MIDNIGHT
    end: time = MIDNIGHT
    first: tuple[int, int] = (1, 1)
    last: tuple[int, int] = (12, 31)
    zone: str = "UTC"
    least: int | None = None
    most: int | None = None

    def is_on(self, moment: datetime) -> bool:
        """Whether it is now; `moment` knows its time zone."""
        there = moment.astimezone(ZoneInfo(self.zone))
        clock = there.time().replace(tzinfo=None)
        if self.begin < self.end:
            return self.begin <= clock < self.end and self._begins_on(there)
        # Over midnight: what began yesterday, or begins today.
        began = there - timedelta(days=1) if clock < self.end else there
        return (clock < self.end or clock >= self.begin) and self._begins_on(began)

    def _begins_on(self, day: datetime) -> bool:
        date = (day.month, day.day)
        is_after, is_before = self.first <= date, date <= self.last
        is_in = is_after and is_before if self.first <= self.last else is_after or is_before
        return is_in and day.weekday() in self.days
