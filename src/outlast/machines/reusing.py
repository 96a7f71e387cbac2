"""A provider whose connections are kept: for whoever changes machines again and again that are listened to anyway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from ipaddress import IPv4Network

from outlast.kernel.events import Emit
from outlast.machines.kept import Kept
from outlast.machines.machine import Machine
from outlast.machines.provider import BuildOrder, Fault, Found, Order, Provider


class Reusing:
    """`provider`, but for `connect`, which is asked of `kept`. A machine that is made, started or removed is connected
    to anew: it may have begun another life."""

    def __init__(self, provider: Provider, kept: Kept) -> None:
        self._provider = provider
        self._kept = kept

    @property
    def faults(self) -> frozenset[Fault]:
        """As the provider."""
        return self._provider.faults

    @property
    def abreast(self) -> int | None:
        """As the provider."""
        return self._provider.abreast

    async def networks(self, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
        """As the provider."""
        return await self._provider.networks(datacenters)

    async def prepare(self, packages: Sequence[str], emit: Emit) -> None:
        """As the provider."""
        await self._provider.prepare(packages, emit)

    async def list(self) -> tuple[Found, ...]:
        """As the provider."""
        return await self._provider.list()

    async def create(self, order: Order) -> None:
        """As the provider."""
        self._kept.forget([order.name])
        await self._provider.create(order)

    async def destroy(self, name: str) -> None:
        """As the provider."""
        self._kept.forget([name])
        await self._provider.destroy(name)

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """The kept connection, or a new one that is kept."""
        return await self._kept.connect(name, limit=limit)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """As the provider."""
        return self._provider.ssh_command(name)

    def build(self, order: BuildOrder) -> AsyncIterator[str]:
        """As the provider."""
        return self._provider.build(order)

    async def power_off(self, name: str) -> None:
        """As the provider."""
        self._kept.forget([name])
        await self._provider.power_off(name)

    async def cut(self, name: str) -> None:
        """As the provider."""
        await self._provider.cut(name)

    async def partition(self, left: Collection[str], right: Collection[str]) -> None:
        """As the provider."""
        await self._provider.partition(left, right)

    async def cut_one_way(self, senders: Collection[str], receivers: Collection[str]) -> None:
        """As the provider."""
        await self._provider.cut_one_way(senders, receivers)

    async def lose(self, name: str, share: float) -> None:
        """As the provider."""
        await self._provider.lose(name, share)

    async def mend(self, name: str) -> None:
        """As the provider."""
        await self._provider.mend(name)

    async def clear(self) -> None:
        """As the provider."""
        await self._provider.clear()
