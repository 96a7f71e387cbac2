"""Carries out one stage: the members of one service, each healthy before the next is touched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from enum import Enum, auto

from outlast.apply.apply import Applier
from outlast.apply.facts import Landed, Pending
from outlast.blueprint.blueprint import Stage
from outlast.contract.bundle import Once
from outlast.contract.component import AnyComponent
from outlast.controller.gate import healthy
from outlast.controller.tend import tend
from outlast.kernel.events import Emit, Event, Phase


class Needs(Enum):
    """What a member needs so that it is as its bundle says."""

    START = auto()
    CHANGE = auto()
    NOTHING = auto()


@dataclass(frozen=True)
class Roll:
    """One stage, the members of it that are wanted now, its component, an applier for the machine of each of these and
    of others that answer, and what each of the wanted found when it got its files."""

    stage: Stage
    members: tuple[str, ...]
    component: AnyComponent
    appliers: Mapping[str, Applier]
    landed: Mapping[str, Landed]
    emit: Emit

    async def run(self) -> tuple[str, ...]:
        """Bring every member to its bundle and to health. Answers what was done, one plain line each."""
        jobs = await self.jobs()
        if self.component.steward:
            helpers = await self._activate_helpers()
            return (*jobs, *helpers, *await tend(self.stage, self.members, self.component, self.appliers, self.emit))
        return (*jobs, *await self._members())

    async def jobs(self) -> tuple[str, ...]:
        """The stage's one-time jobs, on one member; the others only note them, so one lost machine forgets nothing."""
        lacking = {job: [m for m in self.members if job.key in self.landed[m].jobs] for job in self._once}
        is_new = any(len(members) == len(self.members) for members in lacking.values())
        recorded = await self._recorded_elsewhere() if is_new else frozenset[str]()
        return tuple([line for job in self._once for line in await self._job(job, lacking[job], recorded)])

    async def _recorded_elsewhere(self) -> frozenset[str]:
        """The jobs that the machines of members which are not wanted now know to have run."""
        others = [applier for member, applier in self.appliers.items() if member not in self.members]
        answers = await asyncio.gather(*(applier.observe([]) for applier in others))
        return frozenset(key for answer in answers for key in answer.once)

    async def _job(self, job: Once, lacking: Sequence[str], elsewhere: Set[str]) -> tuple[str, ...]:
        """`lacking`: the members whose machines do not know that it ran."""
        first = self.members[0]
        runs = len(lacking) == len(self.members) and job.key not in elsewhere
        if runs:
            self.say(first, Phase.PROGRESS, f"runs {job.service} once for this release")
            await self.appliers[first].once(job.key, job.service)
        others = [member for member in lacking if not runs or member != first]
        await asyncio.gather(*(self.appliers[m].once(job.key, job.service, recorded=True) for m in others))
        return (f"{first}: ran {job.service}",) if runs else ()

    async def _members(self) -> tuple[str, ...]:
        needs = self.needs()
        fresh = [member for member, need in needs.items() if need is Needs.START]
        running = [member for member, need in needs.items() if need is Needs.CHANGE]
        lines = [line for done in await asyncio.gather(*map(self.bring, fresh)) for line in done]
        untouched = [member for member, need in needs.items() if need is Needs.NOTHING]
        # Before the next: one that was changed by a run before this one, and is ill of it, is not followed by others.
        await asyncio.gather(*map(self.gate, untouched))
        if self.component.rolling:
            for member in running:
                lines += await self.bring(member)
        else:
            lines += [line for done in await asyncio.gather(*map(self.bring, running)) for line in done]
        return tuple(lines)

    def needs(self) -> dict[str, Needs]:
        """What each member needs."""
        return {member: self._needs(member) for member in self.members}

    def _needs(self, member: str) -> Needs:
        pending = {self.landed[member].pending[service] for service in self._services(member)}
        return Needs.START if Pending.START in pending else Needs.CHANGE if pending - {Pending.NONE} else Needs.NOTHING

    async def bring(self, member: str) -> tuple[str, ...]:
        """Start the member, or change it to what it shall be; it is healthy then."""
        lines = await self.start(member)
        await self.gate(member)
        return lines

    async def start(self, member: str, *, behind: str = "") -> tuple[str, ...]:
        """Start the member, or change it to what it shall be. Whether it is healthy is another matter. `behind`: as
        `Applier.activate` says."""
        return await self._activate(member, self._services(member), behind)

    async def gate(self, member: str) -> None:
        """The member is healthy. Raises `OutlastError` when it is not in time."""
        report = await healthy(self.appliers[member], self.stage, self.component, member)
        self.say(member, Phase.DONE, report.because)

    @property
    def _once(self) -> tuple[Once, ...]:
        first = self.members[0]
        return self.appliers[first].bundle.part(first).once

    async def halt(self, member: str) -> None:
        """Stop what the member is."""
        await self.appliers[member].activate(self._services(member), force="stop")

    async def _activate_helpers(self) -> tuple[str, ...]:
        """The services beside the main one, which the steward leaves alone."""
        done = await asyncio.gather(*(self._activate(m, self._services(m)[1:]) for m in self.members))
        return tuple(line for lines in done for line in lines)

    async def _activate(self, member: str, services: list[str], behind: str = "") -> tuple[str, ...]:
        if not services:
            return ()
        done = await self.appliers[member].activate(services, behind=behind)
        lines = tuple(f"{member}: {_past(entry.did)} {name}" for name, entry in done.items() if entry.did != "none")
        if lines:
            self.say(member, Phase.PROGRESS, "; ".join(line.partition(": ")[2] for line in lines))
        return lines

    def _services(self, member: str) -> list[str]:
        return [service.name for service in self.appliers[member].bundle.part(member).services if service.enabled]

    def say(self, member: str, phase: Phase, text: str) -> None:
        """Tell whoever watches."""
        self.emit(Event(member, phase, text))


def _past(verb: str) -> str:
    return {"start": "started", "restart": "restarted", "reload": "reloaded", "stop": "stopped"}.get(verb, verb)
