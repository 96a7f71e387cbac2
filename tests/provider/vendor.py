"""A vendor of simulated machines as a subject: asked over SSH on this box's own loopback.

Simulated machines have no sshd: its doors lead to them as the simulation's own do.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from outlast.kernel.events import silent
from outlast.machines.machine import Machine
from outlast.machines.sim.sim import Sim
from outlast.machines.vendor.client import Vendor
from outlast.machines.vendor.keys import Keys, Vending
from outlast.machines.vendor.line import Line
from outlast.machines.vendor.server import serving
from outlast.machines.vendor.service import Service
from outlast.machines.vendor.words import Listed
from outlast.seal.seal import Seal
from tests.provider.sim import SimSubject

LOOPBACK = IPv4Address("127.0.0.1")
DATACENTERS: tuple[str, ...] = ("east", "west")
PACKAGES = ("haproxy", "mariadb-server")


@dataclass(frozen=True)
class SimDoors:
    """Leads to simulated machines."""

    sim: Sim

    def learn(self, machines: Sequence[Listed]) -> None:
        """The simulation knows them."""

    def add(self, machine: Listed) -> None:
        """The simulation knows it."""

    def forget(self, name: str) -> None:
        """The simulation knows it no more."""

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        return await self.sim.connect(name, limit=limit)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        return self.sim.ssh_command(name)


@dataclass
class VendorSubject:
    """The vendor that serves a simulation, and everybody who asks it."""

    home: Path
    vending: Vending | None = None
    lines: list[Line] = field(default_factory=list[Line])
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def sim(self) -> SimSubject:
        return SimSubject(self.home)

    @property
    def keys(self) -> Keys:
        return Keys(self.home / ".outlast", Seal(self.home / ".outlast", "contract"))

    async def start(self, port: int = 0) -> None:
        """Serve from now on."""
        sim = self.sim.provider()
        networks = dict(zip(DATACENTERS, await sim.networks(DATACENTERS), strict=True))
        await sim.prepare(PACKAGES, silent)
        service = Service(sim, networks, PACKAGES, dict, "contract")
        self.keys.ensure()
        host, client = self.keys.host(), self.keys.client()
        port = await self.stack.enter_async_context(serving(service, host, client, [LOOPBACK], port))
        public = host.export_public_key().decode().strip()
        self.vending = Vending(addresses=(LOOPBACK,), port=port, host_key=public)

    async def stop(self) -> None:
        """End, as a process does that is killed: nobody takes leave."""
        await self.stack.aclose()

    def line(self) -> Line:
        assert self.vending is not None
        self.lines.append(Line(self.vending, self.keys.client))
        return self.lines[-1]

    def provider(self) -> Vendor:
        return Vendor(self.line(), SimDoors(self.sim.provider()))

    async def heard(self, sender: str, receiver: str, datagrams: int = 1) -> int:
        return await self.sim.heard(sender, receiver, datagrams)

    def traces(self) -> Sequence[str]:
        return self.sim.traces()

    async def clear(self) -> None:
        for line in self.lines:
            await line.close()
        await self.stop()
        await self.sim.provider().clear()
