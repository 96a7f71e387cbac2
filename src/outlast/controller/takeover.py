"""Carries out a stage whose members are relieved by their next selves, while requests come.

The next one of the first member starts beside it and gets a small share of the requests; while it is watched, the
others start beside theirs. When it does well, all get requests; then the old ones get none any more, and stay until the
new ones have done well once more. So the way back is a word to those who pass requests on. Stopping the old ones is the
sweep's business.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Any, TypeVar

from outlast.contract.changeover import BEHIND, Changeover
from outlast.contract.passage import Seat
from outlast.controller.gate import last_lines
from outlast.controller.passing import Passing, Reading, drained, up_everywhere
from outlast.controller.roll import Needs, Roll
from outlast.controller.vitals import Vitals, vitals
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Phase
from outlast.policy.relief import Tally, bloated, worse

# Counters tell of a bad answer; that one dies or grows is looked at less often, for it costs several processes.
POLL, ALIVE_POLL, SEEN_POLL = 0.5, 1.0, 0.2
# Longer than two checks of an edge.
SEEN_LIMIT = 5.0
# A service that starts beside another one begins behind it, and comes level when it is healthy: never at once.
STARTS = 0.4
COME_LEVEL = f'rm -f "{BEHIND}/$1"; echo 0 > "/proc/$(systemctl show --property MainPID --value "$1")/autogroup"'
LIMIT = 10.0

T = TypeVar("T")


class Withdrawn(OutlastError):
    """What should have taken over did not do well; whatever ran before serves on. `service` is the one meant."""

    def __init__(self, service: str, *findings: Finding) -> None:
        super().__init__(*findings)
        self.service = service


@dataclass(frozen=True)
class Takeover:
    """`beside`: the members whose former selves run beside what is wanted now; `passing`: who sends them requests;
    `proven`: what takes over has served before, so none of them is tried first. So many start `abreast`."""

    roll: Roll
    terms: Changeover
    beside: Set[str]
    passing: Passing
    proven: bool
    abreast: int

    async def run(self) -> tuple[str, ...]:
        """Bring every member to its bundle. Answers what was done. Raises `Withdrawn` when the old ones serve on."""
        lines = list(await self._jobs())
        needs = self.roll.needs()
        standing = [m for m, need in needs.items() if need is Needs.NOTHING and m not in self.beside]
        # Before the next: one that was changed by a run before this one, and is ill of it, is not followed by others.
        await asyncio.gather(*map(self.roll.gate, standing))
        fresh = [m for m, need in needs.items() if need is Needs.START and m not in self.beside]
        lines += [line for done in await asyncio.gather(*map(self.roll.bring, fresh)) for line in done]
        for member in (m for m, need in needs.items() if need is Needs.CHANGE and m not in self.beside):
            lines += await self._changed(member)
        if self.beside:
            wanted = [m for m in needs if m in self.beside]
            lines += await self._relieved([m for m in wanted if needs[m] is not Needs.NOTHING], wanted)
        elif any(need is not Needs.NOTHING for need in needs.values()):
            await self.passing.steer(dict.fromkeys(map(self._seat, needs), 1.0))
        return tuple(lines)

    async def _jobs(self) -> tuple[str, ...]:
        try:
            return await self.roll.jobs()
        except OutlastError as error:
            if self.beside:
                raise Withdrawn(self.roll.stage.service, *error.findings) from None
            raise

    async def _changed(self, member: str) -> tuple[str, ...]:
        """What runs here reads other files now, and nothing can be beside it: it gets no requests meanwhile."""
        await drained(self.passing, [self._seat(member)], self.terms.drain)
        lines = await self.roll.bring(member)
        await self.passing.steer({self._seat(member): 1.0})
        await self._seen([self._seat(member)])
        return lines

    async def _relieved(self, members: list[str], every: list[str]) -> list[str]:
        """`members` start beside their former selves; `every` member that has one is relieved of it."""
        try:
            began = await self.passing.steer(
                {**dict.fromkeys(map(self._old, every), 1.0), **dict.fromkeys(map(self._seat, members), 0.0)}
            )
            lines: list[str] = []
            await asyncio.gather(*(self.roll.gate(member) for member in every if member not in members))
            if self.proven:
                lines += await self._all_begun(members)
            elif members:
                lines += await self._tried(members[0], members[1:], every, began)
            new = [self._seat(member) for member in every]
            await self._seen(new)
            full = await self.passing.steer(dict.fromkeys(new, 1.0))
            await drained(self.passing, [self._old(member) for member in every], self.terms.drain)
            await self._watched(every, every, began, full)
            return [*lines, f"{self.roll.stage.service}: the next ones took over from {len(every)} members"]
        except OutlastError as error:
            raise Withdrawn(self.roll.stage.service, *await self._withdrawn(every, error)) from None

    async def _tried(self, first: str, others: Sequence[str], every: Sequence[str], began: Reading) -> tuple[str, ...]:
        """One new member, with its share of the requests, does well. The others start meanwhile, and get none."""
        lines = await self._begun(first, asyncio.Semaphore())
        done = await _together(self._shared(first, every, began), self._all_begun(others))
        return (*lines, *(line for one in done for line in one or ()))

    async def _shared(self, first: str, every: Sequence[str], began: Reading) -> None:
        """It gets its share of the requests, and does well."""
        # Without a weight until it is found up: who comes up with one gets a burst of requests to catch up (measured).
        await self._seen([self._seat(first)])
        # Of n members with full weight and one with w, that one gets w / (n + w).
        share = self.terms.canary
        before = await self.passing.steer({self._seat(first): share * len(every) / (1 - share) if share else 1.0})
        await self._watched([first], every, began, before)

    async def _all_begun(self, members: Sequence[str]) -> list[str]:
        """All are healthy beside their former selves, begun `abreast` at a time."""
        room = asyncio.Semaphore(self.abreast)
        return [line for done in await _together(*(self._begun(member, room) for member in members)) for line in done]

    async def _begun(self, member: str, room: asyncio.Semaphore) -> tuple[str, ...]:
        """It is healthy beside its former self, and was begun when there was room for it. What an app does at its start
        must not slow down whoever serves."""
        async with room:
            lines = await self.roll.start(member, behind=BEHIND)
            await asyncio.sleep(STARTS)
            await self.roll.gate(member)
        await self._say(member, COME_LEVEL)
        return lines

    async def _say(self, member: str, what: str) -> None:
        applier = self.roll.appliers[member]
        # That it cannot be said is no failure: where the kernel shares processors otherwise, there is no such file.
        await applier.machine.run(["sh", "-c", what, "outlast", applier.bundle.part(member).main.name], limit=LIMIT)

    async def _watched(self, new: Sequence[str], every: Sequence[str], began: Reading, before: Reading) -> None:
        """Raises `OutlastError` as soon as the new ones do worse than the old ones did. `began`: what was counted when
        the takeover began, `before`: just before the new ones got their requests."""
        end = time.monotonic() + self.terms.watch
        if self.terms.watch:
            # Each for itself: nobody waits for the slower question before a bad answer counts.
            await _together(self._counted(new, every, began, before, end), self._alive(new, end))

    async def _counted(
        self, new: Sequence[str], every: Sequence[str], began: Reading, before: Reading, end: float
    ) -> None:
        seats, old = [self._seat(m) for m in new], [self._old(m) for m in every]
        middle, warm = end - self.terms.watch / 2, None
        for _ in _until(end):
            now = await self.passing.steer({})
            if warm is None and time.monotonic() >= middle:
                warm = now
            fresh, known = self.passing.tally(before, now, seats), self.passing.tally(began, now, old)
            lately = self.passing.tally(warm, now, seats) if warm else Tally()
            if why := worse(fresh, lately, known, self.terms):
                raise OutlastError(self._finding(new[0], why))
            await asyncio.sleep(_pause(end, POLL))

    async def _alive(self, new: Sequence[str], end: float) -> None:
        at_first = await self._vitals(new)
        for _ in _until(end):
            await asyncio.sleep(_pause(end, ALIVE_POLL))
            now = await self._vitals(new)
            for member in new:
                if why := _ailing(at_first[member], now[member], self.terms):
                    raise OutlastError(self._finding(member, why))

    async def _vitals(self, members: Sequence[str]) -> dict[str, tuple[Vitals, Vitals]]:
        """By member what its new and its old process do."""
        parts = {member: self.roll.appliers[member].bundle.part(member) for member in members}
        found = await asyncio.gather(
            *(vitals(self.roll.appliers[m].machine, (part.main.name, part.twin)) for m, part in parts.items())
        )
        return {member: (new, old) for member, (new, old) in zip(members, found, strict=True)}

    async def _seen(self, seats: Sequence[Seat]) -> None:
        """Everybody sends them requests; whoever does not find them up in time goes by its own checks."""
        end = time.monotonic() + SEEN_LIMIT
        for _ in _until(end):
            if up_everywhere(await self.passing.steer({}), seats):
                return
            await asyncio.sleep(SEEN_POLL)

    async def _withdrawn(self, members: Sequence[str], error: OutlastError) -> list[Finding]:
        """The old ones serve, the new ones are stopped; the findings, with the last lines of whoever failed."""
        seats = {**dict.fromkeys(map(self._old, members), 1.0), **dict.fromkeys(map(self._seat, members), 0.0)}
        await self.passing.steer(seats)
        self.roll.say(members[0], Phase.PROGRESS, "goes back to what ran before")
        findings = [await self._evident(finding) for finding in error.findings]
        await asyncio.gather(*map(self.roll.halt, members), return_exceptions=True)
        return findings

    async def _evident(self, finding: Finding) -> Finding:
        member = next((m for m in self.roll.appliers if finding.where.startswith(f"{m} ")), "")
        if finding.evidence or not member:
            return finding
        applier = self.roll.appliers[member]
        lines = await last_lines(applier, [applier.bundle.part(member).main.name])
        return Finding(finding.where, finding.what, finding.why, finding.fix, evidence=lines)

    def _finding(self, member: str, why: str) -> Finding:
        return Finding(
            where=f"{member} on {self.roll.appliers[member].machine.name}",
            what="it did not do as well as what it should relieve",
            why=why,
            fix="mend it and deploy again, or say other limits in `rollout` of the app",
        )

    def _seat(self, member: str) -> Seat:
        part = self.roll.appliers[member].bundle.part(member)
        assert part.slot is not None, "a member without slots has no changeover"
        return Seat(self.roll.stage.service, member, part.slot)

    def _old(self, member: str) -> Seat:
        seat = self._seat(member)
        return Seat(seat.service, member, seat.slot.other)


async def _together(*steps: Coroutine[Any, Any, T]) -> list[T]:
    """All at the same time. The first failure ends the others."""
    tasks = [asyncio.create_task(step) for step in steps]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def _until(end: float) -> Iterator[None]:
    """Again and again, and once more at the end."""
    while True:
        is_last = time.monotonic() >= end
        yield
        if is_last:
            return


def _pause(end: float, usual: float) -> float:
    return max(0.0, min(usual, end - time.monotonic()))


def _ailing(before: tuple[Vitals, Vitals], now: tuple[Vitals, Vitals], terms: Changeover) -> str:
    new, old = now
    if new.restarts > before[0].restarts or not new.runs:
        return "it died while it was watched"
    return bloated(new.memory, old.memory, terms)
