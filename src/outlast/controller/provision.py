"""Brings one machine to where services may start on it: it exists, answers, and holds its releases and its files."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from outlast.apply.apply import Applier
from outlast.apply.facts import Landed
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Artifact
from outlast.controller.build import Builds
from outlast.controller.connections import Connections
from outlast.controller.drift import mended
from outlast.controller.guard import FIRST, widen
from outlast.controller.inventory import Inventory
from outlast.controller.lease import Lease
from outlast.controller.logbook import Logbook
from outlast.controller.packages import bring_back
from outlast.controller.steps import Steps
from outlast.controller.words import made
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.provider import Order, Provider


@dataclass(frozen=True)
class Provision:
    """A machine that is new to the `lease` joins it; None: nobody else can be about."""

    blueprint: Blueprint
    provider: Provider
    inventory: Inventory
    connections: Connections
    builds: Builds
    lease: Lease | None
    steps: Steps
    log: Logbook
    emit: Emit

    def machine(self, name: str) -> asyncio.Task[tuple[Applier, Landed]]:
        """The machine is brought once, and holds everything then: new, or what it held before."""
        return self.steps.once(f"machine {name}", lambda: self._bring(name))

    async def _bring(self, name: str) -> tuple[Applier, Landed]:
        if name not in self.inventory.running:
            await self._make(name)
        applier = await self.connections.to(name)
        if self.lease and not self.lease.holds(name):
            await self.lease.add(applier.machine)
        is_new = self.inventory.found(name) is None
        # What was never built need not be looked for, nor anything on an empty disk.
        unheard = [artifact for artifact in applier.bundle.artifacts if is_new or self.builds.lacks(artifact)]
        await self._unpack(applier, unheard, serves=not is_new)
        landed = await self._land(applier)
        if landed.artifacts:
            held = {artifact.path: artifact for artifact in applier.bundle.artifacts}
            await self._unpack(applier, [held[missing.path] for missing in landed.artifacts])
            landed = await self._land(applier)
        if landed.packages.wrong and await self._restored(applier, landed):
            landed = await self._land(applier)
        await widen(applier, landed)
        if landed.changed:
            self.log.did(f"{name}: wrote {len(landed.changed)} files")
        self.emit(Event(name, Phase.DONE, f"{len(landed.changed)} files written" if landed.changed else "no changes"))
        return applier, landed

    async def _make(self, name: str) -> None:
        wanted = self.blueprint.topology.machine_by_name[name]
        self.emit(Event(name, Phase.STARTED, "boots"))
        with self.log.span(f"boot {name}"):
            await self.provider.create(Order(name, wanted.datacenter, IPv4Address(wanted.address)))
        self.log.did(f"{name}: {made(self.inventory.found(name))}")

    async def _land(self, applier: Applier) -> Landed:
        name = applier.machine.name
        with self.log.span(f"land {name}"):
            # How its services are each stage finds out for itself.
            landed = await applier.land(look=False, first=FIRST)
        if self.inventory.is_on(name):
            self.log.mended(*(f"{name}: {what}" for what in mended(landed)))
        return landed

    async def _unpack(self, applier: Applier, lacking: Sequence[Artifact], *, serves: bool = True) -> None:
        """Bring releases, each as soon as it is built."""
        for artifact in lacking:
            tar = await self.builds.release(artifact)
            with self.log.span(f"unpack {artifact.name} on {applier.machine.name}"):
                await applier.unpack(artifact, tar, serves=serves)
            self.log.did(f"{applier.machine.name}: got the release {artifact.name} {artifact.digest}")

    async def _restored(self, applier: Applier, landed: Landed) -> bool:
        """Whether its packages are as it was made with, again. Otherwise there is a finding, and all else goes on."""
        name = applier.machine.name
        self.emit(Event(name, Phase.PROGRESS, "brings packages back"))
        with self.log.span(f"packages {name}"):
            restored, findings = await bring_back(applier, landed.packages.wrong)
        self.log.mended(*(f"{name}: {what}" for what in restored))
        self.log.lacks(findings)
        return not findings
