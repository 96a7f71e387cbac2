"""Makes reality match a blueprint: machines, files, releases and services, each as early as it can be.

Everything that does not depend on each other runs at the same time: the database forms while the app is still
being built. A failure stops what depends on it and nothing else; all failures are reported together, and the
same blueprint can be run again from any state.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from outlast.apply.apply import Applier, edition
from outlast.apply.facts import Landed
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry
from outlast.controller.build import Builds
from outlast.controller.connections import Connections
from outlast.controller.guard import is_widened, narrow
from outlast.controller.inventory import Inventory
from outlast.controller.lease import Lease, held
from outlast.controller.logbook import Logbook
from outlast.controller.outcome import Outcome, Terms, nobody
from outlast.controller.passing import passing_in
from outlast.controller.provision import Provision
from outlast.controller.replace import let_go, retire
from outlast.controller.rest import is_at_rest
from outlast.controller.stages import Stages
from outlast.controller.steps import Steps
from outlast.controller.takeover import Withdrawn
from outlast.controller.words import raise_all
from outlast.kernel.events import Emit
from outlast.machines.provider import BuildOrder, Provider

MEETING = 3


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
        self.emit = emit
        self.withdrawn: set[str] = set()
        self._log = Logbook()
        self._steps = Steps()
        self._edition = edition(blueprint, self.terms.holder)
        self._inventory = Inventory(blueprint, self.terms.only)
        self._connections = Connections(
            blueprint, self._edition, provider, vault, self._inventory, self._steps, self.terms.yields
        )
        self._builds = Builds(builds, provider, self._steps, self._log, emit)

    @property
    def done(self) -> tuple[str, ...]:
        """What was done so far, one plain line each."""
        return self._log.done

    async def run(self) -> Outcome:
        """Bring the site up. Raises `OutlastError` with every failure there was."""
        try:
            with self._log.span("image"):
                await self.provider.prepare(self.blueprint.packages, self.emit)
            await self._inventory.take(self.provider)
            if self.terms.only is None and not self.terms.replace and await self._is_at_rest():
                await self.terms.keep()
                await self._finish()
                return self._log.outcome
            raise_all(await asyncio.gather(*map(self._builds.release, self.terms.first), return_exceptions=True))
            async with self._alone() as lease:
                ended = self.terms.halt
                try:
                    await self.terms.keep()
                    await self.terms.begin(self._connections.machines)
                    await self._make_it_so(lease)
                    await self._finish()
                    ended = nobody
                finally:
                    # Before others are let in: nothing of this run may go on then.
                    await self._steps.cancel()
                    await ended(self._connections.machines)
        finally:
            await self._steps.cancel()
            await self._connections.close()
        return self._log.outcome

    async def _is_at_rest(self) -> bool:
        return await is_at_rest(self.blueprint, self.registry, self._inventory, self._connections, self._log, self.emit)

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[Lease | None]:
        """No other operator changes these machines meanwhile."""
        if self.terms.holder is None:
            yield None
            return
        free = sorted(self._inventory.running - {self.terms.replace})
        # Whoever touches some machines only asks the first of all too: there everybody meets. Not one alone, because a
        # machine that booted has forgotten who holds it.
        names = [name for name in free if name in self._inventory.touched or name in free[:MEETING]]
        machines = await self._connections.answering({*names, *self.terms.told})
        asked = {name: machine for name, machine in machines.items() if name in names}
        async with held(asked, self.terms.holder, self.terms.wait, self.emit) as lease:
            yield lease
            self._log.mended(*lease.said)

    async def _make_it_so(self, lease: Lease | None) -> None:
        if self.terms.replace:
            await self._retire(self.terms.replace)
        provision = self._provision(lease)
        stages = self._stages(provision)
        machines = [provision.machine(name) for name in self._inventory.touched]
        rolled = [stages.stage(stage.name) for stage in self.blueprint.stages]
        results: list[Any] = await asyncio.gather(*machines, *rolled, return_exceptions=True)
        self.withdrawn |= {result.service for result in results if isinstance(result, Withdrawn)}
        raise_all(results)
        brought = [machine.result() for machine in machines]
        with self._log.span("sweep"):
            await self._sweep(brought)
            await self._narrow(brought)

    async def _finish(self) -> None:
        """Tell whoever wants to know which machines are as they shall be."""
        with self._log.span("hand over"):
            open_ = await asyncio.gather(*map(self._connections.to, {*self._inventory.touched, *self.terms.told}))
            await self.terms.finish({applier.machine.name: applier.machine for applier in open_})

    async def _retire(self, name: str) -> None:
        """Remove a machine that is to be made anew, when the others can do without it."""
        leaving = await self._connections.if_answers(name)
        datacenter = self.blueprint.topology.machine_by_name[name].datacenter
        passing = await passing_in(datacenter, self.blueprint.topology, self.registry, self._connections)
        await retire(name, self.blueprint, self.registry, self.provider, self.vault, leaving, passing)
        self._inventory.remove(name)
        self._connections.forget(name)
        self._log.did(f"{name}: removed the machine, to be made anew")

    async def _sweep(self, brought: Sequence[tuple[Applier, Landed]]) -> None:
        """Remove what the site no longer asks for: last, so that nothing is missed before its stand-in is there."""
        await asyncio.gather(*(self._sweep_one(*machine) for machine in brought))
        for name in self._inventory.unwanted:
            if self._inventory.is_on(name):
                await let_go(name, self.provider, self._edition, self.vault)
            await self.provider.destroy(name)
            self._log.did(f"{name}: removed the machine: the site no longer asks for it")

    async def _sweep_one(self, applier: Applier, landed: Landed) -> None:
        if landed.leftovers:
            await applier.sweep()
            gone = [*landed.leftovers.services, *landed.leftovers.files, *landed.leftovers.releases]
            self._log.did(f"{applier.machine.name}: removed {', '.join(gone)}")

    async def _narrow(self, brought: Sequence[tuple[Applier, Landed]]) -> None:
        """Close what only the machines and members of before needed: they are gone now."""
        widened = [applier for applier, landed in brought if is_widened(landed)]
        await asyncio.gather(*map(narrow, widened))
        for applier in widened:
            self._log.did(f"{applier.machine.name}: brought its firewall to what is needed now")

    def _provision(self, lease: Lease | None) -> Provision:
        return Provision(
            self.blueprint,
            self.provider,
            self._inventory,
            self._connections,
            self._builds,
            lease,
            self._steps,
            self._log,
            self.emit,
        )

    def _stages(self, provision: Provision) -> Stages:
        return Stages(
            self.blueprint,
            self.registry,
            self.terms,
            self._inventory,
            self._connections,
            provision,
            self._steps,
            self._log,
            self.emit,
        )
