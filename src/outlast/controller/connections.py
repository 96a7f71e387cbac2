"""One connection to each machine of a run, opened when it is first needed and closed with all others at the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

from outlast.apply.apply import Applier, Edition
from outlast.apply.turns import Turns
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.controller.inventory import Inventory
from outlast.controller.steps import Steps
from outlast.kernel.errors import Unreachable
from outlast.machines.machine import Machine
from outlast.machines.provider import Provider
from outlast.machines.yielding import Yielding

CONNECT_LIMIT, CONNECT_PAUSE = 10.0, 0.3


@dataclass(frozen=True)
class Connections:
    """Each is an applier: the machine with the bundle it is to hold. `yields`: whoever serves there goes first, and so
    many machines are kept busy at once as their provider says."""

    blueprint: Blueprint
    edition: Edition
    provider: Provider
    vault: Vault
    inventory: Inventory
    steps: Steps
    yields: bool = False
    _opened: list[Applier] = field(default_factory=list[Applier], init=False)

    @property
    def abreast(self) -> int | None:
        """How many machines may be kept busy at once; None: all."""
        return self.provider.abreast if self.yields else None

    @cached_property
    def turns(self) -> Turns:
        """What machines that share processors take, one after the other."""
        return Turns(self.abreast)

    @property
    def machines(self) -> Mapping[str, Machine]:
        """The machines that there is a connection to."""
        return {applier.machine.name: applier.machine for applier in self._opened}

    def to(self, name: str) -> asyncio.Task[Applier]:
        """The connection to a machine that is there. Raises `Unreachable`, to whoever asks later too."""
        return self.steps.once(_step(name), lambda: self._open(name))

    async def if_answers(self, name: str) -> Applier | None:
        """The connection to a machine; None when it does not run or does not answer."""
        if name in self.inventory.running:
            with suppress(Unreachable):
                return await self.to(name)
        return None

    async def answering(self, names: Collection[str]) -> dict[str, Machine]:
        """Those of them that answer. The others are asked again when it is their turn: one may be booting for a command
        that was killed."""
        answers = await asyncio.gather(*map(self.to, names), return_exceptions=True)
        machines = {applier.machine.name: applier.machine for applier in answers if isinstance(applier, Applier)}
        for name in set(names) - machines.keys():
            self.forget(name)
        return machines

    def forget(self, name: str) -> None:
        """The machine is connected to anew when it is asked for again."""
        self.steps.forget(_step(name))

    async def close(self) -> None:
        """Close all that were ever opened."""
        await asyncio.gather(*(applier.machine.close() for applier in self._opened), return_exceptions=True)

    async def _open(self, name: str) -> Applier:
        machine = await self._connected(name)
        applier = Applier(
            Yielding(machine) if self.yields else machine,
            self.blueprint.bundle_by_machine[name],
            self.edition,
            self.vault,
            self.turns,
        )
        self._opened.append(applier)
        return applier

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


def _step(name: str) -> str:
    return f"connect {name}"
