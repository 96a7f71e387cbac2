"""Looks at the site again and again over kept connections: a hundred handshakes would be a load of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.probe import Health
from outlast.contract.registry import Registry
from outlast.controller.observe import look
from outlast.kernel.errors import OutlastError
from outlast.machines.kept import Kept
from outlast.machines.provider import Provider
from outlast.status import Status, assess

# Each look asks every engine of the site, which is work for its machines.
POLL = 1.0


@dataclass
class Watch:
    """One site under observation."""

    blueprint: Blueprint
    registry: Registry
    provider: Provider
    vault: Vault
    kept: Kept = field(init=False)

    def __post_init__(self) -> None:
        self.kept = Kept(self.provider)

    async def status(self) -> Status:
        """One look."""
        found, sight = await asyncio.gather(self.provider.list(), look(self.blueprint, self.kept, self.vault))
        return assess(self.blueprint, self.registry, {machine.name: machine for machine in found}, sight)

    async def healthy(self, limit: float, *, home: bool = False) -> float | None:
        """Wait until everything is there (`home`: every address where it belongs too); seconds until then, None when it
        was not within `limit`."""
        began = time.monotonic()
        while True:
            looked = time.monotonic()
            try:
                status = await self.status()
            except OutlastError:
                status = None
            if status is not None and status.healthy and (not home or _at_home(status)):
                return looked - began
            if time.monotonic() - began > limit:
                return None
            await asyncio.sleep(POLL)

    async def again(self, targets: Collection[str], limit: float) -> float | None:
        """Wait until these members, and all those on these machines, are well again, and ask nobody else: a look at the
        whole site is felt by its customers, when all of it shares one computer. Seconds until then, None when it was
        not within `limit`."""
        began = time.monotonic()
        while True:
            looked = time.monotonic()
            if await self._well(targets):
                return looked - began
            if time.monotonic() - began > limit:
                return None
            await asyncio.sleep(POLL)

    async def _well(self, targets: Collection[str]) -> bool:
        topology = self.blueprint.topology
        members = [member for member in topology.members if not {member.name, member.machine}.isdisjoint(targets)]
        machines = {member.machine for member in members}
        sight = await look(self.blueprint, self.kept, self.vault, machines, {member.name for member in members})
        reports = (sight.report(self.registry, m.name, m.component, m.machine) for m in members)
        return all(report.health is Health.HEALTHY for report in reports)


def _at_home(status: Status) -> bool:
    """Whether every floating address is held by the machine that it belongs to."""
    return all(floating.holder == floating.home for floating in status.floating)
