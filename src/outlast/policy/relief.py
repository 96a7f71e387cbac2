"""Whether those that take over do as well as those that they relieve: judged from what was counted. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from outlast.contract.changeover import Changeover
from outlast.contract.passage import Counted, Seat

# Fewer errors may be chance, and the mean of fewer answers says little.
ERRORS, ANSWERS, LATELY = 3, 30, 10
# What nobody notices is no reason to go back.
SECONDS, BYTES = 0.05, 128 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests since some moment; `mean` is the seconds to the first byte of their answers."""

    requests: int = 0
    errors: int = 0
    mean: float = 0.0

    @property
    def share(self) -> float:
        """The share of errors."""
        return self.errors / self.requests if self.requests else 0.0

    def __add__(self, other: Tally) -> Tally:
        requests = self.requests + other.requests
        total = self.mean * self.requests + other.mean * other.requests
        return Tally(requests, self.errors + other.errors, total / requests if requests else 0.0)


def tally(before: Counted | None, now: Counted, window: int) -> Tally:
    """What came between two readings of one counter. One that went back was begun anew.

    The mean is worked out of the two averages, of which each leans to the last `window` requests: exact as long as
    there were no more, and otherwise as an average that forgets a share of 1/window with each request.
    """
    since = before if before and before.requests <= now.requests else None
    old = since.requests if since else 0
    count = now.requests - old
    if count == 0:
        return Tally()
    errors = now.errors - (since.errors if since else 0)
    weight = count / now.requests if now.requests <= window else 1 - (1 - 1 / window) ** count
    mean = (now.mean - (since.mean if since else 0.0) * (1 - weight)) / weight
    return Tally(count, max(0, errors), max(0.0, mean))


def tallied(before: Mapping[Seat, Counted], now: Mapping[Seat, Counted], window: int, seats: Sequence[Seat]) -> Tally:
    """What came to some seats, as one of those who pass requests on counted it."""
    return sum((tally(before.get(seat), now[seat], window) for seat in seats if seat in now), Tally())


def worse(new: Tally, lately: Tally, old: Tally, terms: Changeover) -> str:
    """Why it must go back; empty when nothing speaks for it.

    Of `new` there is a later part, `lately`, which must be slow as well: a process is slow at its first answers, and
    that is no reason to go back once it is warm.
    """
    if new.errors >= ERRORS and new.share > old.share + terms.errors:
        return f"{_share(new)} of its answers were errors, {_share(old)} before"
    known = min(new.requests, old.requests) >= ANSWERS and lately.requests >= LATELY
    if terms.slower and known and min(new.mean, lately.mean) > max(terms.slower * old.mean, old.mean + SECONDS):
        return f"it answers after {new.mean * 1000:.0f} ms on average, {old.mean * 1000:.0f} ms before"
    return ""


def bloated(new: int, old: int, terms: Changeover) -> str:
    """Why it must go back for the memory that it takes, in bytes; empty when nothing speaks for it."""
    if terms.memory and old and new > max(terms.memory * old, old + BYTES):
        return f"it takes {new >> 20} MiB of memory, {old >> 20} MiB before"
    return ""


def _share(tally: Tally) -> str:
    return f"{tally.errors} of {tally.requests}"
