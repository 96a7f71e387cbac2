"""Begins each stage of a run as soon as everything that it needs is there: its machines, and the stages before it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from outlast.blueprint.blueprint import Blueprint, Stage
from outlast.contract.passage import Seat
from outlast.contract.registry import Registry
from outlast.controller.connections import Connections
from outlast.controller.inventory import Inventory
from outlast.controller.logbook import Logbook
from outlast.controller.outcome import Terms
from outlast.controller.passing import passers_in, passing_in
from outlast.controller.provision import Provision
from outlast.controller.roll import Roll
from outlast.controller.steps import Steps
from outlast.controller.takeover import Takeover
from outlast.controller.words import raise_all
from outlast.kernel.events import Emit

WITNESSES = 2


@dataclass(frozen=True)
class Stages:
    """The stages of `blueprint`, each of which is carried out once."""

    blueprint: Blueprint
    registry: Registry
    terms: Terms
    inventory: Inventory
    connections: Connections
    provision: Provision
    steps: Steps
    log: Logbook
    emit: Emit

    def stage(self, name: str) -> asyncio.Task[None]:
        """The members of the stage are healthy. Raises `Withdrawn` when what should have taken over was taken back."""
        stage = next(stage for stage in self.blueprint.stages if stage.name == name)
        return self.steps.once(f"stage {name}", lambda: self._roll(stage))

    async def _roll(self, stage: Stage) -> None:
        raise_all(await asyncio.gather(*map(self.stage, stage.after), return_exceptions=True))
        wanted = list(filter(self._is_wanted, stage.members))
        joining = [member for member in wanted if not self._stands(member)]
        if not stage.changeover or not any(map(self._stands, stage.members)):
            await self._bring(stage, wanted)
            return
        await self._bring(stage, [member for member in wanted if member not in joining])
        # Each for itself: a growing load does not wait for the slowest of the new machines.
        raise_all(await asyncio.gather(*(self._join(stage, member) for member in joining), return_exceptions=True))

    async def _join(self, stage: Stage, member: str) -> None:
        """A member on a new machine gets requests as soon as it is healthy, before the passers' own stage."""
        await self._bring(stage, [member])
        passers = passers_in(stage.datacenter, self.blueprint.topology, self.registry)
        homes = {self._home(passer.name) for passer in passers} & set(self.inventory.touched)
        # Where the new configuration must lie.
        raise_all(await asyncio.gather(*map(self.provision.machine, homes), return_exceptions=True))
        passing = await passing_in(stage.datacenter, self.blueprint.topology, self.registry, self.connections)
        part = (await self.provision.machine(self._home(member)))[0].bundle.part(member)
        assert part.slot is not None, "a member without slots has no changeover"
        await passing.admit([Seat(stage.service, member, part.slot)])

    async def _bring(self, stage: Stage, members: Sequence[str]) -> None:
        machines = sorted({self._home(member) for member in members})
        raise_all(await asyncio.gather(*map(self.provision.machine, machines), return_exceptions=True))
        if not members:
            return
        provided = {member: await self.provision.machine(self._home(member)) for member in members}
        appliers = {member: applier for member, (applier, _) in provided.items()}
        landed = {member: landed for member, (_, landed) in provided.items()}
        component = self.registry[stage.component]
        others = [member for member in stage.members if member not in appliers and self._stands(member)]
        # A steward must see all; of others, some tell which one-time jobs ran.
        for member in others if component.steward else others[:WITNESSES]:
            if applier := await self.connections.if_answers(self._home(member)):
                appliers[member] = applier
        roll = Roll(stage, tuple(members), component, appliers, landed, self.emit)
        with self.log.span(f"stage {stage.name}"):
            self.log.did(*await (self._takeover(roll) if stage.changeover else roll.run()))

    def _is_wanted(self, member: str) -> bool:
        is_about = self.terms.about is None or member in self.terms.about
        return is_about and self._home(member) in self.inventory.touched

    def _stands(self, member: str) -> bool:
        """Whether its machine ran before."""
        return self._home(member) in self.inventory.running

    def _home(self, member: str) -> str:
        return self.blueprint.topology.member_by_name[member].machine

    async def _takeover(self, roll: Roll) -> tuple[str, ...]:
        """The members are relieved by their next selves, where they run already."""
        assert roll.stage.changeover is not None
        beside = await asyncio.gather(*map(self._is_beside, roll.members))
        members = {member for member, is_beside in zip(roll.members, beside, strict=True) if is_beside}
        passing = await passing_in(roll.stage.datacenter, self.blueprint.topology, self.registry, self.connections)
        terms = self.terms.hastened(roll.stage.changeover)
        abreast = self.connections.abreast or len(members)
        return await Takeover(roll, terms, members, passing, self.terms.proven, abreast).run()

    async def _is_beside(self, member: str) -> bool:
        """Whether the member runs in its other slot, as it was before."""
        applier, landed = await self.provision.machine(self._home(member))
        return applier.bundle.part(member).twin in landed.running
