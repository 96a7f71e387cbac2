"""Makes reality match a blueprint: machines, files, releases and services, each as early as it can be.

Everything that does not depend on each other runs at the same time: the database forms while the app is still
being built. A failure stops what depends on it and nothing else; all failures are reported together, and the
same blueprint can be run again from any state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, TypeVar

from outlast.apply.apply import Applier, edition
from outlast.apply.facts import Landed
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint, Stage
from outlast.contract.bundle import Artifact
from outlast.contract.registry import Registry
from outlast.controller.build import build
from outlast.controller.drift import mended
from outlast.controller.guard import is_widened, narrow, widen
from outlast.controller.lease import Lease, held
from outlast.controller.outcome import Outcome, Span, Terms
from outlast.controller.packages import bring_back
from outlast.controller.replace import let_go, retire
from outlast.controller.rest import at_rest
from outlast.controller.roll import Roll
from outlast.controller.words import made, raise_all, refuse_outdated
from outlast.kernel.errors import Finding, Unreachable
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.machine import Machine
from outlast.machines.provider import BuildOrder, Found, Order, Power, Provider

CONNECT_LIMIT, CONNECT_PAUSE = 10.0, 0.3
WITNESSES, MEETING = 2, 3

T = TypeVar("T")


class Up:
    """One run of one blueprint. `builds` says for each artifact's name how its release is built."""

    def __init__(
        self,
        blueprint: Blueprint,
        registry: Registry,
        provider: Provider,
        vault: Vault,
        builds: Mapping[str, BuildOrder],
        emit: Emit,
        terms: Terms | None = None,
    ) -> None:
        self.terms = terms or Terms()
        self.blueprint = blueprint
        self.registry = registry
        self.provider = provider
        self.vault = vault
        self.builds = builds
        self.emit = emit
        self._began = time.monotonic()
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._appliers: list[Applier] = []
        self._found: dict[str, Found] = {}
        self.done: list[str] = []
        self._mended: list[str] = []
        self._findings: list[Finding] = []
        self._edition = edition(blueprint, self.terms.holder)
        self._lease: Lease | None = None
        self._spans: list[Span] = []

    async def run(self) -> Outcome:
        """Bring the site up. Raises `OutlastError` with every failure there was."""
        try:
            with self._span("image"):
                await self.provider.prepare(self.blueprint.packages, self.emit)
            self._found = {machine.name: machine for machine in await self.provider.list()}
            refuse_outdated(self._found.values(), self.blueprint.bundle_by_machine)
            if self.terms.only is None and not self.terms.replace and await self._at_rest():
                await self.terms.keep()
                await self._finish()
                return self._outcome()
            async with self._alone():
                try:
                    await self.terms.keep()
                    await self._make_it_so()
                    await self._finish()
                finally:
                    # Before others are let in: nothing of this run may go on then.
                    await self._cancel()
        finally:
            await self._cancel()
            await asyncio.gather(*(applier.machine.close() for applier in self._appliers), return_exceptions=True)
        return self._outcome()

    async def _make_it_so(self) -> None:
        if self.terms.replace:
            await self._retire(self.terms.replace)
        machines = [self._machine(name) for name in self._touched]
        stages = [self._stage(stage.name) for stage in self.blueprint.stages]
        raise_all(await asyncio.gather(*machines, *stages, return_exceptions=True))
        await self._sweep()
        await self._narrow()

    def _outcome(self) -> Outcome:
        spans = tuple(sorted(self._spans, key=lambda span: span.start))
        return Outcome(tuple(self.done), spans, tuple(dict.fromkeys(self._mended)), tuple(self._findings))

    async def _cancel(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _finish(self) -> None:
        """Tell whoever wants to know which machines are as they shall be."""
        open_ = await asyncio.gather(*map(self._applier, self._touched))
        await self.terms.finish({applier.machine.name: applier.machine for applier in open_})

    @property
    def _touched(self) -> list[str]:
        """The machines that are brought to the blueprint."""
        every = self.blueprint.bundle_by_machine
        return [name for name in every if self.terms.only is None or name in self.terms.only]

    @property
    def _running(self) -> set[str]:
        """The machines of the blueprint that their provider sees running where the blueprint wants them."""
        wanted = self.blueprint.topology.machine_by_name
        on = [found for found in self._found.values() if found.power is Power.ON and found.name in wanted]
        return {found.name for found in on if str(found.address) == wanted[found.name].address}

    async def _at_rest(self) -> bool:
        """Whether there is nothing to do: one round trip to each machine tells, and changes nothing there."""
        names = sorted(self._running)
        answers = await asyncio.gather(*map(self._glance, names), return_exceptions=True)
        # What a machine refuses, it refuses before anything is kept or changed.
        raise_all([a for a in answers if not isinstance(a, Landed | Unreachable)])
        landed = {name: answer for name, answer in zip(names, answers, strict=True) if isinstance(answer, Landed)}
        return (
            set(landed) == set(self._found) == set(self.blueprint.bundle_by_machine)
            and all(a.observed and a.observed.generation == self.blueprint.generation for a in landed.values())
            and at_rest(self.blueprint, self.registry, landed, self.emit)
        )

    async def _glance(self, name: str) -> Landed:
        applier = await self._applier(name)
        with self._span(f"look {name}"):
            return await applier.land(dry=True)

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        """No other operator changes these machines meanwhile."""
        if self.terms.holder is None:
            yield
            return
        free = sorted(self._running - {self.terms.replace})
        # Whoever touches some machines only asks the first of all too: there everybody meets. Not one alone, because a
        # machine that booted has forgotten who holds it.
        names = [name for name in free if name in self._touched or name in free[:MEETING]]
        open_ = await asyncio.gather(*(self._applier(name) for name in names), return_exceptions=True)
        machines = {applier.machine.name: applier.machine for applier in open_ if isinstance(applier, Applier)}
        async with held(machines, self.terms.holder, self.terms.wait, self.emit) as lease:
            self._lease = lease
            yield
            self._mended += lease.said
            self.done += lease.said

    async def _retire(self, name: str) -> None:
        """Remove a machine that is to be made anew, when the others can do without it."""
        leaving: Applier | None = None
        if name in self._running:
            with suppress(Unreachable):
                leaving = await self._applier(name)
        await retire(name, self.blueprint, self.registry, self.provider, self.vault, leaving)
        self._found.pop(name, None)
        self._tasks.pop(f"connect {name}", None)
        self._did(name, "removed the machine, to be made anew")

    def _applier(self, name: str) -> asyncio.Task[Applier]:
        """A connection to a machine that is there; it is opened once."""

        async def connect() -> Applier:
            machine = await self._connected(name)
            applier = Applier(machine, self.blueprint.bundle_by_machine[name], self._edition, self.vault)
            self._appliers.append(applier)
            return applier

        return self._once(f"connect {name}", connect)

    async def _connected(self, name: str) -> Machine:
        """A machine that refuses at once may be booting: the command that started it was killed."""
        deadline = time.monotonic() + CONNECT_LIMIT
        while True:
            try:
                return await self.provider.connect(name, limit=max(1.0, deadline - time.monotonic()))
            except Unreachable:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(CONNECT_PAUSE)

    def _once(self, name: str, work: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """Start a step when it is first asked for; whoever asks later waits for the same run."""
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(work(), name=name)
        return self._tasks[name]

    def _machine(self, name: str) -> asyncio.Task[tuple[Applier, Landed]]:
        return self._once(f"machine {name}", lambda: self._bring_machine(name))

    async def _bring_machine(self, name: str) -> tuple[Applier, Landed]:
        """The machine exists, answers, and holds its releases and its files: all of them, or what it held before."""
        wanted = self.blueprint.topology.machine_by_name[name]
        if is_new := name not in self._running:
            self.emit(Event(name, Phase.STARTED, "boots"))
            with self._span(f"boot {name}"):
                await self.provider.create(Order(name, wanted.datacenter, IPv4Address(wanted.address)))
            self._did(name, made(self._found.get(name)))
        applier = await self._applier(name)
        if is_new and self._lease:
            await self._lease.add(applier.machine)
        landed = await self._land(applier)
        if landed.artifacts:
            await self._unpack(applier, landed)
            landed = await self._land(applier)
        if landed.packages.wrong and await self._restored(applier, landed):
            landed = await self._land(applier)
        await widen(applier, landed)
        if landed.changed:
            self._did(name, f"wrote {len(landed.changed)} files")
        self.emit(Event(name, Phase.DONE, f"{len(landed.changed)} files written" if landed.changed else "no changes"))
        return applier, landed

    async def _land(self, applier: Applier) -> Landed:
        name = applier.machine.name
        with self._span(f"land {name}"):
            landed = await applier.land()
        if (found := self._found.get(name)) is not None and found.power is Power.ON:
            for what in mended(landed):
                self._mend(name, what)
        return landed

    async def _restored(self, applier: Applier, landed: Landed) -> bool:
        """Whether its packages are as it was made with, again. Otherwise there is a finding, and all else goes on."""
        name = applier.machine.name
        self.emit(Event(name, Phase.PROGRESS, "brings packages back"))
        with self._span(f"packages {name}"):
            mended, findings = await bring_back(applier, landed.packages.wrong)
        for what in mended:
            self._mend(name, what)
        self._findings += findings
        return not findings

    def _release(self, artifact: Artifact) -> asyncio.Task[Path]:
        return self._once(f"release {artifact.name} {artifact.digest}", lambda: self._build(artifact))

    async def _build(self, artifact: Artifact) -> Path:
        """The release's tar file exists on this box."""
        order = self.builds[artifact.name]
        if not order.target.exists():
            with self._span(f"build {artifact.name}"):
                await build(artifact, order, self.provider, self.emit)
            self._did(f"release {artifact.name}", f"built {artifact.digest}")
        return order.target

    async def _unpack(self, applier: Applier, landed: Landed) -> None:
        """Bring the releases that the machine lacks, each as soon as it is built."""
        held = {artifact.path: artifact for part in applier.bundle.parts for artifact in part.part.artifacts}
        for missing in landed.artifacts:
            tar = await self._release(held[missing.path])
            with self._span(f"unpack {missing.name} on {applier.machine.name}"):
                await applier.unpack(held[missing.path], tar)
            self._did(applier.machine.name, f"got the release {missing.name} {missing.digest}")

    def _stage(self, name: str) -> asyncio.Task[None]:
        stage = next(stage for stage in self.blueprint.stages if stage.name == name)
        return self._once(f"stage {name}", lambda: self._roll(stage))

    async def _roll(self, stage: Stage) -> None:
        """The members of the stage are healthy, after all that they use."""
        homes = {member: self.blueprint.topology.member_by_name[member].machine for member in stage.members}
        wanted = tuple(member for member, home in homes.items() if home in self._touched)
        machines = sorted({homes[member] for member in wanted})
        raise_all(
            await asyncio.gather(
                *(self._stage(before) for before in stage.after),
                *(self._machine(machine) for machine in machines),
                return_exceptions=True,
            )
        )
        if not wanted:
            return
        appliers = {member: (await self._machine(homes[member]))[0] for member in wanted}
        component = self.registry[stage.component]
        others = [member for member in stage.members if member not in appliers]
        # A steward must see all; of others, some tell which one-time jobs ran.
        for member in others if component.steward else others[:WITNESSES]:
            if homes[member] in self._running:
                with suppress(Unreachable):
                    appliers[member] = await self._applier(homes[member])
        with self._span(f"stage {stage.name}"):
            self.done += await Roll(stage, wanted, component, appliers, self.emit).run()

    async def _sweep(self) -> None:
        """Remove what the site no longer asks for: last, so that nothing is missed before its stand-in is there."""
        for applier, landed in [await self._machine(name) for name in self._touched]:
            if landed.leftovers:
                await applier.sweep()
                gone = [*landed.leftovers.services, *landed.leftovers.files]
                self._did(applier.machine.name, f"removed {', '.join(gone)}")
        for name in sorted(set(self._found) - set(self.blueprint.bundle_by_machine)):
            if self._found[name].power is Power.ON:
                await let_go(name, self.provider, self._edition, self.vault)
            await self.provider.destroy(name)
            self._did(name, "removed the machine: the site no longer asks for it")

    async def _narrow(self) -> None:
        """Close what only the machines and members of before needed: they are gone now."""
        widened = [
            applier for applier, landed in [await self._machine(name) for name in self._touched] if is_widened(landed)
        ]
        await asyncio.gather(*map(narrow, widened))
        for applier in widened:
            self._did(applier.machine.name, "brought its firewall to what is needed now")

    def _did(self, subject: str, what: str) -> None:
        self.done.append(f"{subject}: {what}")

    def _mend(self, subject: str, what: str) -> None:
        self._mended.append(f"{subject}: {what}")
        self._did(subject, what)

    @contextmanager
    def _span(self, name: str) -> Generator[None]:
        start = time.monotonic() - self._began
        try:
            yield
        finally:
            self._spans.append(Span(name, start, time.monotonic() - self._began))
