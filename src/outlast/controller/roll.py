"""Carries out one stage: the members of one service, each healthy before the next is touched."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from outlast.apply.apply import Applier
from outlast.apply.facts import Pending
from outlast.blueprint.blueprint import Stage
from outlast.contract.bundle import Once
from outlast.contract.component import AnyComponent
from outlast.contract.steward import Running
from outlast.controller.gate import healthy
from outlast.controller.tend import tend
from outlast.kernel.events import Emit, Event, Phase


@dataclass(frozen=True)
class Roll:
    """One stage, the members of it that are wanted now, its component, and an applier for the machine of each of these
    and of others that answer."""

    stage: Stage
    members: tuple[str, ...]
    component: AnyComponent
    appliers: Mapping[str, Applier]
    emit: Emit

    async def run(self) -> tuple[str, ...]:
        """Bring every member to its bundle and to health. Answers what was done, one plain line each."""
        jobs = await self._jobs()
        if self.component.steward:
            helpers = await self._activate_helpers()
            return (*jobs, *helpers, *await tend(self.stage, self.members, self.component, self.appliers, self.emit))
        return (*jobs, *await self._members())

    async def _jobs(self) -> tuple[str, ...]:
        """The stage's one-time jobs, on one member; the others only note them, so one lost machine forgets nothing."""
        first = self.members[0]
        jobs = self.appliers[first].bundle.part(first).once
        if not jobs:
            return ()
        seen = await asyncio.gather(*(applier.observe([]) for applier in self.appliers.values()))
        recorded = {key for answer in seen for key in answer.once}
        return tuple([line for job in jobs for line in await self._job(job, first, job.key in recorded)])

    async def _job(self, job: Once, first: str, recorded: bool) -> tuple[str, ...]:
        if not recorded:
            self._say(first, Phase.PROGRESS, f"runs {job.service} once for this release")
            await self.appliers[first].once(job.key, job.service)
        others = [member for member in self.members if recorded or member != first]
        await asyncio.gather(*(self.appliers[m].once(job.key, job.service, recorded=True) for m in others))
        return () if recorded else (f"{first}: ran {job.service}",)

    async def _members(self) -> tuple[str, ...]:
        fresh: list[str] = []
        running: list[str] = []
        needs = await asyncio.gather(*(self._needs(member) for member in self.members))
        for member, (is_running, pending) in zip(self.members, needs, strict=True):
            if not is_running:
                fresh.append(member)
            elif pending:
                running.append(member)
        lines = [line for done in await asyncio.gather(*map(self._bring, fresh)) for line in done]
        if self.component.rolling:
            for member in running:
                lines += await self._bring(member)
        else:
            lines += [line for done in await asyncio.gather(*map(self._bring, running)) for line in done]
        untouched = [member for member in self.members if member not in (*fresh, *running)]
        await asyncio.gather(*map(self._gate, untouched))
        return tuple(lines)

    async def _needs(self, member: str) -> tuple[bool, bool]:
        """Whether the member runs, and whether it needs anything."""
        states = (await self.appliers[member].observe([member])).services.values()
        is_running = all(state.running in (Running.ACTIVE, Running.STARTING) for state in states)
        return is_running, any(state.pending is not Pending.NONE for state in states)

    async def _bring(self, member: str) -> tuple[str, ...]:
        lines = await self._activate(member, self._services(member))
        await self._gate(member)
        return lines

    async def _gate(self, member: str) -> None:
        report = await healthy(self.appliers[member], self.stage, self.component, member)
        self._say(member, Phase.DONE, report.because)

    async def _activate_helpers(self) -> tuple[str, ...]:
        """The services beside the main one, which the steward leaves alone."""
        done = await asyncio.gather(*(self._activate(m, self._services(m)[1:]) for m in self.members))
        return tuple(line for lines in done for line in lines)

    async def _activate(self, member: str, services: list[str]) -> tuple[str, ...]:
        if not services:
            return ()
        done = await self.appliers[member].activate(services)
        lines = tuple(f"{member}: {_past(entry.did)} {name}" for name, entry in done.items() if entry.did != "none")
        if lines:
            self._say(member, Phase.PROGRESS, "; ".join(line.partition(": ")[2] for line in lines))
        return lines

    def _services(self, member: str) -> list[str]:
        return [service.name for service in self.appliers[member].bundle.part(member).services if service.enabled]

    def _say(self, member: str, phase: Phase, text: str) -> None:
        self.emit(Event(member, phase, text))


def _past(verb: str) -> str:
    return {"start": "started", "restart": "restarted", "reload": "reloaded", "stop": "stopped"}.get(verb, verb)
