"""Hears every machine of a site, all the time: one kept connection and one pulse for each, its provider beside them.

It gathers and never judges: what it knows goes out as an observation, each fact with its age. Whoever does not hear a
machine asks two others whether they reach it. Used as a context; what is begun in it ends with it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pydantic import ValidationError

from outlast.apply.program import GREETING, PULSE, program
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.probe import Health
from outlast.contract.registry import Registry
from outlast.contract.scaling import Metric
from outlast.controller.beat import Beat, Rhythm
from outlast.controller.hearing import Hearing, hear, reduced
from outlast.controller.listening import Listening, listenings
from outlast.controller.loads import loads
from outlast.kernel.errors import OutlastError, Unreachable
from outlast.machines.kept import Kept
from outlast.machines.machine import ExitError
from outlast.machines.provider import Power, Provider
from outlast.machines.ssh.login import SSH_PORT
from outlast.policy.observation import NEVER, Fact, Known, MachineSeen, Observation, Presence, Unknown


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. `connect`: for one attempt, of which the next comes after `again` at first and `most` at last. The
    provider is asked every `provider` seconds and has `answer` to answer; others are asked about machines that were
    not heard for `silent`, every `others`, and have `greet` to find out."""

    connect: float = 2.0
    again: float = 0.25
    most: float = 2.0
    provider: float = 1.0
    answer: float = 4.0
    silent: float = 2.0
    others: float = 2.0
    greet: float = 1.0


WITNESSES = 2
# Beyond its life a pulse has time to start and to take leave.
GRACE = 15.0


class Senses:
    """What one observer hears of a site. `port` says where the sshd of a machine listens, by the machine's name;
    `metrics` which figures members are asked for, by their services."""

    def __init__(
        self,
        blueprint: Blueprint,
        registry: Registry,
        provider: Provider,
        *,
        rhythm: Rhythm | None = None,
        patience: Patience | None = None,
        port: Callable[[str], int] = lambda _machine: SSH_PORT,
        clock: Callable[[], float] = time.monotonic,
        kept: Kept | None = None,
        metrics: Mapping[str, Metric] | None = None,
    ) -> None:
        self._registry = registry
        self._provider = provider
        self._rhythm = rhythm or Rhythm()
        self._patience = patience or Patience()
        self._port = port
        self._clock = clock
        self._kept = kept or Kept(provider)
        self._blueprint = blueprint
        self._metrics = metrics
        self._listenings: Mapping[str, Listening] = {}
        self._hearings: dict[str, Hearing] = {}
        self._elsewhere: dict[str, float] = {}
        self._power: Fact[Mapping[str, Power]] = Unknown("its provider was not asked yet")
        self._ears: dict[str, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[Senses]:
        """Listen for as long as this lasts. What goes wrong in here in a way that nobody foresaw ends it."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                loops = (self._ask_provider(), self._ask_others(), self._tidy())
                others = [self._tasks.create_task(loop) for loop in loops]
                self.follow(self._blueprint)
                try:
                    yield self
                finally:
                    for task in (*others, *self._ears.values()):
                        task.cancel()
        except BaseExceptionGroup as group:
            # What goes wrong in whoever uses this stays what it is.
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from None
            raise
        finally:
            await self._kept.close()

    def rely_on(self, provider: Provider, metrics: Mapping[str, Metric] | None = None) -> None:
        """Go by this provider from now on, and by these figures from the next blueprint on."""
        self._provider, self._metrics = provider, metrics
        self._kept.rely_on(provider)

    def follow(self, blueprint: Blueprint) -> None:
        """Hear the machines of this blueprint from now on. What is told by machines that stay as they are goes on."""
        if blueprint is self._blueprint and self._ears:
            return
        before, self._blueprint = self._listenings, blueprint
        self._listenings = listenings(blueprint, self._registry, self._rhythm, self._metrics)
        gone = before.keys() - self._listenings.keys()
        self._kept.forget(gone)
        changed = {n for n, wanted in self._listenings.items() if n in before and before[n].request != wanted.request}
        for name in gone | changed:
            if ear := self._ears.pop(name, None):
                ear.cancel()
        for name in gone:
            self._hearings.pop(name, None)
            self._elsewhere.pop(name, None)
        for name in self._listenings.keys() - self._ears.keys():
            if name in self._hearings:
                self._hearings[name] = reduced(self._hearings[name], self._listenings[name].tenants)
            if self._tasks is not None:
                self._ears[name] = self._tasks.create_task(self._hear(name, self._listenings[name].request))

    def observation(self, now: float | None = None) -> Observation:
        """Everything that is known, at `now` of the observer's clock."""
        at = self._clock() if now is None else now
        hearings = {name: self._hearings.get(name, Hearing()) for name in self._listenings}
        machines = {name: self._machine(name, hearing) for name, hearing in hearings.items()}
        members: dict[str, Fact[Health]] = {
            member: hearings[name].health(member, at, self._rhythm.probe)
            for name, listening in self._listenings.items()
            for member in listening.tenants
        }
        return Observation(at, machines, members, loads(self._blueprint.topology, self._listenings, hearings, machines))

    def _machine(self, name: str, hearing: Hearing) -> MachineSeen:
        return MachineSeen(
            self._presence(name), hearing.heard, self._elsewhere.get(name, NEVER), hearing.busy, hearing.room
        )

    def _presence(self, name: str) -> Fact[Presence]:
        if isinstance(self._power, Unknown):
            return self._power
        match self._power.value.get(name):
            case Power.ON:
                return Known(Presence.ON, self._power.at)
            case Power.OFF:
                return Known(Presence.OFF, self._power.at)
            case None:
                return Known(Presence.ABSENT, self._power.at)

    async def _hear(self, name: str, request: bytes) -> None:
        """One machine's lines, for ever. One attempt at a time, and after each that brought nothing a longer pause."""
        pause = self._patience.again
        while True:
            heard = self._hearings.get(name, Hearing()).heard
            try:
                machine = await self._kept.connect(name, limit=self._patience.connect)
                argv = ["python3", "-c", program(PULSE)]
                async for line in machine.lines(argv, stdin=request, limit=self._rhythm.life + GRACE):
                    self._take(name, line)
            except (OutlastError, ExitError, TimeoutError):
                # That it is not heard is all there is to know, and its age tells it.
                pass
            if self._hearings.get(name, Hearing()).heard > heard:
                pause = self._patience.again
            await asyncio.sleep(pause)
            pause = min(2 * pause, self._patience.most)

    def _take(self, name: str, line: str) -> None:
        try:
            beat = Beat.model_validate_json(line)
        except ValidationError:
            return  # whatever else a machine prints there is no line
        tenants = self._listenings[name].tenants
        self._hearings[name] = hear(self._hearings.get(name, Hearing()), beat, self._clock(), tenants)

    async def _ask_provider(self) -> None:
        """What its provider says of each machine, again and again. No answer is an answer: nobody knows."""
        while True:
            asked = self._clock()
            try:
                async with asyncio.timeout(self._patience.answer):
                    found = await self._provider.list()
                self._power = Known({machine.name: machine.power for machine in found}, asked)
            except (OutlastError, OSError) as error:
                why = error.findings[0].why if isinstance(error, OutlastError) else str(error) or "it did not answer"
                self._power = Unknown(f"its provider does not answer: {why}")
            await asyncio.sleep(self._patience.provider)

    async def _tidy(self) -> None:
        """Close the connections that are of no use any more: the silent take their time to take leave."""
        while True:
            await asyncio.sleep(self._patience.most)
            await self._kept.tidy()

    async def _ask_others(self) -> None:
        """Whether others reach the machines that are not heard, again and again."""
        while True:
            await asyncio.sleep(self._patience.others)
            asked = self._clock()
            heard = [name for name, h in self._hearings.items() if asked - h.heard <= self._patience.silent]
            silent = [name for name in self._listenings if name not in heard]
            found = await asyncio.gather(*(self._is_reached(name, heard) for name in silent))
            self._elsewhere.update({name: asked for name, is_reached in zip(silent, found, strict=True) if is_reached})

    async def _is_reached(self, name: str, heard: list[str]) -> bool:
        witnesses = [other for other in heard if other in self._listenings[name].neighbours(self._port(name))][
            :WITNESSES
        ]
        return any(await asyncio.gather(*(self._reaches(witness, name) for witness in witnesses)))

    async def _reaches(self, witness: str, name: str) -> bool:
        """Whether a machine is greeted by the sshd of another one. No means little: the way between them may be cut."""
        question = {"address": self._listenings[name].address, "port": self._port(name), "limit": self._patience.greet}
        try:
            machine = await self._kept.connect(witness, limit=self._patience.connect)
            argv, limit = ["python3", "-c", program(GREETING)], self._patience.greet + self._patience.connect
            done = await machine.run(argv, stdin=json.dumps(question).encode(), limit=limit)
        except Unreachable:
            return False
        return done.stdout.strip() == b"true"
