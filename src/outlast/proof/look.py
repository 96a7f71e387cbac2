"""Looks at the site again and again over kept connections: a hundred handshakes would be a load of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field

from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.probe import Health, Output
from outlast.contract.registry import Registry
from outlast.controller.observe import CONNECT_LIMIT, look, understood
from outlast.kernel.errors import OutlastError
from outlast.machines.kept import Kept
from outlast.machines.provider import Provider
from outlast.status import Status, assess
from outlast.topology.topology import Member

# Each look asks every engine of the site, which is work for its machines.
POLL = 1.0
PROBE_LIMIT = 6.0


@dataclass
class Watch:
    """One site under observation. `newer` says what its controllers have made of it: whoever waits for all of it must
    not wait for what they have taken away."""

    blueprint: Blueprint
    registry: Registry
    provider: Provider
    vault: Vault
    newer: Callable[[], Awaitable[Blueprint]] | None = None
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
            if self.newer is not None:
                with suppress(OutlastError):
                    self.blueprint = await self.newer()

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
        """By their own probes and nothing else: what the rest of a look costs is several times that."""
        members = self.blueprint.topology.members
        wanted = [member for member in members if not {member.name, member.machine}.isdisjoint(targets)]
        return all(await asyncio.gather(*map(self._is_well, wanted)))

    async def _is_well(self, member: Member) -> bool:
        probe = self.blueprint.bundle_by_machine[member.machine].part(member.name).probe
        try:
            connection = await self.kept.connect(member.machine, limit=CONNECT_LIMIT)
            done = await connection.run(probe, limit=PROBE_LIMIT)
        except OutlastError:
            return False
        output = Output(done.returncode, *(text.decode(errors="replace") for text in (done.stdout, done.stderr)))
        return understood(self.registry[member.component], output).health is Health.HEALTHY


def _at_home(status: Status) -> bool:
    """Whether every floating address is held by the machine that it belongs to."""
    return all(floating.holder == floating.home for floating in status.floating)
