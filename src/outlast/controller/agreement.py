"""What the controllers of a site agree on, kept in its etcd: who leads, the intent, the memory of the policy, events.

A leader's write succeeds only while it leads (see `tenure`). Whoever is no leader, such as an operator's `up`, writes
by naming the revision that it read. Nothing is retried here: a write without an answer may have been made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.controller import Assignment
from outlast.controller.agreed import HAPPENING, INTENT, LEADER, Happening, Held, Keys, happened, packed, unpacked
from outlast.controller.etcd import Credentials, Etcd, Operation, changed, created, delete, get, put
from outlast.controller.tenure import Tenure, lead
from outlast.kernel.errors import Finding, OutlastError

LARGEST = 1_400_000
"""Bytes of one value. etcd takes requests of 1.5 MiB (`--max-request-bytes`)."""
KEPT_EVENTS = 2000
TRIES = 5
"""Of several who append at once one comes first each time."""


class Deposed(OutlastError):
    """The tenure in whose name something was written is over: nothing was written."""


class Conflict(OutlastError):
    """Somebody else wrote since the revision that was expected: nothing was written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, and the revision at which it was written."""

    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Intent:
    """What the site shall be, and the revision at which that was agreed."""

    blueprint: Blueprint
    revision: int


class Agreement:
    """What is agreed on in one site. `endpoints`: URLs of etcd's members, this machine's own first. Of the events, the
    newest `kept_events` are kept."""

    def __init__(
        self, site: str, endpoints: Sequence[str], credentials: Credentials, *, kept_events: int = KEPT_EVENTS
    ) -> None:
        self._kept_events = kept_events
        self._etcd = Etcd(endpoints, credentials)
        self._keys = Keys(site)
        self._last = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._etcd.close()

    def lead(self, member: str, waits: Callable[[str], None]) -> AbstractAsyncContextManager[Tenure]:
        """`async with agreement.lead(…) as tenure`: waits until `member` leads, telling `waits` for what, and gives
        the office back at the end."""
        return lead(self._etcd, self._keys.of(LEADER), member, waits)

    async def leader(self) -> str:
        """The member that leads now; empty: none does."""
        entry = await self.read(LEADER)
        return entry.value.decode() if entry else ""

    async def read(self, key: str) -> Entry | None:
        """What is kept under `key` now."""
        found = await self._etcd.range(self._keys.of(key))
        return Entry(found[0].value, found[0].mod_revision) if found else None

    async def write(self, key: str, value: bytes, tenure: Tenure | None = None, expected: int | None = None) -> int:
        """Keep `value` under `key`, and answer its revision.

        Only as long as `tenure` lasts (`Deposed` otherwise), and only when `key` was last written at `expected`
        (0: never; otherwise `Conflict`). One of the two must be said.
        """
        assert tenure is not None or expected is not None, "somebody must be sure of something"
        place = self._keys.of(key)
        if len(value) > LARGEST:
            raise OutlastError(_too_large(key, len(value)))
        expectation = [] if expected is None else [changed(place, expected)]
        reads = [get(place), get(self._keys.of(LEADER))]
        outcome = await self._etcd.transact([*self._fence(tenure), *expectation], [put(place, value)], reads)
        if not outcome.succeeded:
            held, leader = outcome.found
            self._still_leads(tenure, leader)
            raise Conflict(_conflict(key, expected, held[0].mod_revision if held else 0))
        return outcome.revision

    async def intent(self) -> Intent | None:
        """What the site shall be, as it was agreed last."""
        entry = await self.read(INTENT)
        return Intent(unpacked(entry.value), entry.revision) if entry else None

    async def intend(self, blueprint: Blueprint, tenure: Tenure | None = None, expected: int | None = None) -> int:
        """Agree on what the site shall be."""
        return await self.write(INTENT, packed(blueprint), tenure, expected)

    async def append(self, happening: Happening, tenure: Tenure | None = None) -> Happening:
        """Keep it behind all others, with its number, and forget the oldest that are too many."""
        value = HAPPENING.dump_json(replace(happening, number=0))
        last = await self._etcd.range(*self._keys.events, limit=1, last=True) if not self._last else ()
        for _ in range(TRIES):
            self._last = happened(last[0]).number if last else self._last
            number = self._last + 1
            place = self._keys.event(number)
            oldest = number - self._kept_events + 1
            forget = [delete(self._keys.event(0), self._keys.event(oldest))] if oldest > 1 else []
            reads = [get(*self._keys.events, limit=1, last=True), get(self._keys.of(LEADER))]
            # Its number is free and follows one that is there: otherwise others have gone on meanwhile.
            behind = [_exists(self._keys.event(self._last))] if self._last else []
            guards = [*self._fence(tenure), created(place, 0), *behind]
            outcome = await self._etcd.transact(guards, [put(place, value), *forget], reads)
            if outcome.succeeded:
                self._last = number
                return replace(happening, number=number)
            last, leader = outcome.found
            self._still_leads(tenure, leader)
            self._last = 0
        raise Conflict(_crowded())

    async def events(self, after: int = 0, limit: int = 100) -> tuple[Happening, ...]:
        """The first `limit` happenings behind the number `after`, in their order."""
        found = await self._etcd.range(self._keys.event(after + 1), self._keys.events[1], limit=limit)
        return tuple(map(happened, found))

    def _fence(self, tenure: Tenure | None) -> list[Operation]:
        if tenure is None:
            return []
        if not tenure.holds:
            raise Deposed(_deposed(tenure, "its lease was not refreshed in time"))
        return [created(self._keys.of(LEADER), tenure.number)]

    def _still_leads(self, tenure: Tenure | None, leader: tuple[Held, ...]) -> None:
        """Raises `Deposed` when etcd knows another leader, or none; the tenure knows from then on."""
        if tenure and not (leader and leader[0].create_revision == tenure.number):
            tenure.end()
            raise Deposed(_deposed(tenure, f"{leader[0].value.decode()} leads by now" if leader else "nobody leads"))


def agreement_of(assignment: Assignment) -> Agreement:
    """What the controllers of an assignment's site agree on."""
    credentials = Credentials(Path(assignment.authority), Path(assignment.certificate), Path(assignment.key))
    return Agreement(assignment.site, assignment.endpoints, credentials)


def _exists(key: str) -> Operation:
    return {**created(key, 0), "result": "GREATER"}


def _too_large(key: str, size: int) -> Finding:
    why = f"it has {size:,} bytes, and etcd takes requests of 1.5 MiB"
    return Finding(f"the agreed {key}", "it is too large to be kept", why, "make the site smaller, or two sites of it")


def _deposed(tenure: Tenure, why: str) -> Finding:
    fix = "nothing: whoever leads now goes on with it"
    return Finding(tenure.member, f"its tenure {tenure.number} is over", why, fix)


def _conflict(key: str, expected: int | None, found: int) -> Finding:
    why = f"it was read at revision {expected} and is at {found} by now"
    return Finding(f"the agreed {key}", "somebody else changed it meanwhile", why, "read it again, and decide anew")


def _crowded() -> Finding:
    why = f"others came first {TRIES} times"
    return Finding("the agreed events", "nothing can be appended", why, "run the same command again")
