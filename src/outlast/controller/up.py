"""Makes reality match a blueprint: machines, files, releases and services, each as early as it can be.

Everything that does not depend on each other runs at the same time: the database forms while the app is still
being built. A failure stops what depends on it and nothing else; all failures are reported together, and the
same blueprint can be run again from any state.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, TypeVar

from outlast.apply.apply import Applier
from outlast.apply.facts import Landed
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint, Stage
from outlast.contract.bundle import Artifact
from outlast.contract.registry import Registry
from outlast.controller.guard import is_widened, narrow, widen
from outlast.controller.rest import at_rest
from outlast.controller.roll import Roll
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.provider import BuildOrder, Found, Order, Power, Provider

CONNECT_LIMIT = 10.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Span:
    """When a step ran, in seconds since the start of the command."""

    name: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What `up` did, one plain line each; empty: everything was right already."""

    done: tuple[str, ...]
    spans: tuple[Span, ...]


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
    ) -> None:
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
        self._done: list[str] = []
        self._spans: list[Span] = []

    async def run(self) -> Outcome:
        """Bring the site up. Raises `OutlastError` with every failure there was."""
        try:
            with self._span("image"):
                await self.provider.prepare(self.blueprint.packages, self.emit)
            self._found = {machine.name: machine for machine in await self.provider.list()}
            self._refuse_outdated()
            if await self._at_rest():
                return self._outcome()
            machines = [self._machine(name) for name in self.blueprint.bundle_by_machine]
            stages = [self._stage(stage.name) for stage in self.blueprint.stages]
            _raise_all(await asyncio.gather(*machines, *stages, return_exceptions=True))
            await self._sweep()
            await self._narrow()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await asyncio.gather(*(applier.machine.close() for applier in self._appliers), return_exceptions=True)
        return self._outcome()

    def _outcome(self) -> Outcome:
        return Outcome(tuple(self._done), tuple(sorted(self._spans, key=lambda span: span.start)))

    async def _at_rest(self) -> bool:
        """Whether there is nothing to do: one round trip to each machine tells. Otherwise its answers serve below."""
        running = {name for name, found in self._found.items() if found.power is Power.ON}
        if running != set(self.blueprint.bundle_by_machine):
            return False
        answers = await asyncio.gather(*(self._machine(name) for name in sorted(running)), return_exceptions=True)
        landed = {a[0].machine.name: a[1] for a in answers if not isinstance(a, BaseException)}
        return len(landed) == len(running) and at_rest(self.blueprint, self.registry, landed, self.emit)

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
        found = self._found.get(name)
        if found is None or found.power is Power.OFF:
            self.emit(Event(name, Phase.STARTED, "boots"))
            with self._span(f"boot {name}"):
                await self.provider.create(Order(name, wanted.datacenter, IPv4Address(wanted.address)))
            self._did(name, "made the machine" if found is None else "started the machine: its power was off")
        machine = await self.provider.connect(name, limit=CONNECT_LIMIT)
        bundle = self.blueprint.bundle_by_machine[name]
        applier = Applier(machine, bundle, self.blueprint.topology.site, self.blueprint.generation, self.vault)
        self._appliers.append(applier)
        with self._span(f"land {name}"):
            landed = await applier.land()
        if landed.artifacts:
            await self._unpack(applier, landed)
            with self._span(f"land {name}"):
                landed = await applier.land()
        await widen(applier, landed)
        if landed.changed:
            self._did(name, f"wrote {len(landed.changed)} files")
        self.emit(Event(name, Phase.DONE, f"{len(landed.changed)} files written" if landed.changed else "no changes"))
        return applier, landed

    def _release(self, artifact: Artifact) -> asyncio.Task[Path]:
        return self._once(f"release {artifact.name} {artifact.digest}", lambda: self._build(artifact))

    async def _build(self, artifact: Artifact) -> Path:
        """The release's tar file exists on this box."""
        order = self.builds[artifact.name]
        if order.target.exists():
            return order.target
        subject = f"release {artifact.name}"
        self.emit(Event(subject, Phase.STARTED, f"builds {artifact.digest}"))
        with self._span(f"build {artifact.name}"):
            async for line in self.provider.build(order):
                self.emit(Event(subject, Phase.PROGRESS, line))
        self.emit(Event(subject, Phase.DONE, f"built {artifact.digest}"))
        self._did(subject, f"built {artifact.digest}")
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
        machines = sorted(set(homes.values()))
        _raise_all(
            await asyncio.gather(
                *(self._stage(before) for before in stage.after),
                *(self._machine(machine) for machine in machines),
                return_exceptions=True,
            )
        )
        appliers = {member: (await self._machine(home))[0] for member, home in homes.items()}
        with self._span(f"stage {stage.name}"):
            self._done += await Roll(stage, self.registry[stage.component], appliers, self.emit).run()

    async def _sweep(self) -> None:
        """Remove what the site no longer asks for: last, so that nothing is missed before its stand-in is there."""
        for applier, landed in [await self._machine(name) for name in self.blueprint.bundle_by_machine]:
            if landed.leftovers:
                await applier.sweep()
                gone = [*landed.leftovers.services, *landed.leftovers.files]
                self._did(applier.machine.name, f"removed {', '.join(gone)}")
        for name in sorted(set(self._found) - set(self.blueprint.bundle_by_machine)):
            await self.provider.destroy(name)
            self._did(name, "removed the machine: the site no longer asks for it")

    async def _narrow(self) -> None:
        """Close what only the machines and members of before needed: they are gone now."""
        machines = [await self._machine(name) for name in self.blueprint.bundle_by_machine]
        widened = [applier for applier, landed in machines if is_widened(landed)]
        await asyncio.gather(*map(narrow, widened))
        for applier in widened:
            self._did(applier.machine.name, "brought its firewall to what is needed now")

    def _refuse_outdated(self) -> None:
        wanted = self.blueprint.bundle_by_machine
        outdated = [machine.name for machine in self._found.values() if machine.name in wanted and not machine.current]
        if outdated:
            raise OutlastError(*(_outdated(name) for name in sorted(outdated)))

    def _did(self, subject: str, what: str) -> None:
        self._done.append(f"{subject}: {what}")

    @contextmanager
    def _span(self, name: str) -> Generator[None]:
        start = time.monotonic() - self._began
        try:
            yield
        finally:
            self._spans.append(Span(name, start, time.monotonic() - self._began))


def _raise_all(results: list[Any]) -> None:
    """Raise what went wrong, each failure once although many steps may have waited for it."""
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, OutlastError):
            raise result
    findings = [finding for result in results if isinstance(result, OutlastError) for finding in result.findings]
    if findings:
        raise OutlastError(*dict.fromkeys(findings))


def _outdated(name: str) -> Finding:
    return Finding(
        where=name,
        what="it lacks Debian packages that the site file asks for now",
        why="they were added since the machine was made, and machines get packages from their image only",
        fix="undo the change of `packages`, or remove the site with `outlast down` and bring it up anew",
    )
