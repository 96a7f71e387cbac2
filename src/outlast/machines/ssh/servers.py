"""Servers that the owner has, as a provider of machines: bare Debian 13 becomes a machine, and a server again.

It makes no computer: `create` takes the server whose address the order names. It inflicts no fault: it does not
hold the servers' power, and whoever cuts a server off over SSH cannot mend it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit, Event, Phase, silent
from outlast.machines.debian import BASE
from outlast.machines.machine import Machine, unanswered
from outlast.machines.provider import BuildOrder, Fault, Found, Order, Power
from outlast.machines.ssh import builder, connection, taking
from outlast.machines.ssh.login import client
from outlast.machines.ssh.machine import SshMachine
from outlast.machines.ssh.record import Record, Server

CUT_OFF = "it cannot be cut off over the line that would have to mend it"


class Servers:
    """The servers of one site. `networks` are those of its data centres; `record` is what it remembers of them."""

    def __init__(
        self, site: str, networks: Mapping[str, IPv4Network], servers: Sequence[Server], record: Record
    ) -> None:
        self._site = site
        self._networks = networks
        self._servers = {server.address: server for server in servers}
        self._record = record
        self._packages: tuple[str, ...] = BASE
        self._emit: Emit = silent

    @property
    def faults(self) -> frozenset[Fault]:
        """None: see above."""
        return frozenset()

    @property
    def abreast(self) -> int | None:
        """Any number: each is a computer of its own."""
        return None

    async def networks(self, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
        """Those that the owner gave."""
        return tuple(self._networks[datacenter] for datacenter in datacenters)

    async def prepare(self, packages: Sequence[str], emit: Emit) -> None:
        """Bring machines what they lack of these packages; a server that becomes a machine later gets them then."""
        self._packages = tuple(dict.fromkeys((*BASE, *packages)))
        self._emit = emit
        wanted = frozenset(self._packages)
        lacking = [entry for entry in self._record.machines().items() if not wanted <= self._record.packages(entry[0])]
        _raise(await asyncio.gather(*(self._make(*entry) for entry in lacking), return_exceptions=True))

    async def list(self) -> tuple[Found, ...]:
        """The machines that were made. Nobody holds their power here: whether one runs, only its answer shows."""
        machines = self._record.machines().items()
        return tuple(Found(name, held.datacenter, held.address, Power.ON, True) for name, held in machines)

    async def create(self, order: Order) -> None:
        """Make the server at the order's address the machine. One that was elsewhere until now leaves that server."""
        server = self._servers.get(order.address)
        if server is None:
            why = f"the site file names no server {order.address}"
            raise OutlastError(Finding(order.name, "it has no server", why, "add it to `servers`"))
        held = self._record.machines().get(order.name)
        if held is not None and held.address != server.address:
            await self._leave(order.name, held)
        await self._make(order.name, server)

    async def destroy(self, name: str) -> None:
        """Give the machine's server back: all that the site put there goes, the packages stay."""
        held = self._record.machines().get(name)
        if held is not None:
            await self._leave(name, held)

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """Open a connection with the owner's key to the pinned host key."""
        return await connection.connect(name, self._record.login(self._held(name)), limit)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """The OpenSSH client with the owner's key and the pinned host key."""
        return client(self._record.login(self._held(name)))

    async def build(self, order: BuildOrder) -> AsyncIterator[str]:
        """Build a release on the first machine that answers, apart from what runs there."""
        machine = await self._builder()
        try:
            async for line in builder.build(machine, order):
                yield line
        finally:
            await machine.close()

    async def power_off(self, name: str) -> None:
        """Refused: nobody here holds the power of a server."""
        raise OutlastError(_cannot(name, "its power cannot be taken away over SSH"))

    async def cut(self, name: str) -> None:
        """Refused: nobody could mend it again."""
        raise OutlastError(_cannot(name, CUT_OFF))

    async def partition(self, left: Collection[str], right: Collection[str]) -> None:
        """Refused, as `cut`."""
        raise OutlastError(*(_cannot(name, CUT_OFF) for name in (*left, *right)))

    async def cut_one_way(self, senders: Collection[str], receivers: Collection[str]) -> None:
        """Refused, as `cut`."""
        raise OutlastError(*(_cannot(name, CUT_OFF) for name in (*senders, *receivers)))

    async def lose(self, name: str, share: float) -> None:
        """Refused, as `cut`."""
        raise OutlastError(_cannot(name, f"losing {share:.0%} of its packets would lose the line that mends it"))

    async def mend(self, name: str) -> None:
        """Nothing was cut, so nothing is to be undone."""

    async def clear(self) -> None:
        """Give all servers back, also those whose preparation was interrupted. Failures are raised together."""
        machines = self._record.machines()
        used = {held.address for held in machines.values()}
        unused = [s for s in self._servers.values() if s.address not in used and not s.lost]
        begun = [server for server in unused if self._record.is_pinned(server)]
        work = [*(self._leave(name, held) for name, held in machines.items()), *map(self._clean, begun)]
        _raise(await asyncio.gather(*work, return_exceptions=True))

    async def _make(self, name: str, server: Server) -> None:
        self._emit(Event(name, Phase.STARTED, f"prepares {server.address}"))
        machine = await taking.open_server(name, server, self._record, self._emit)
        try:
            identity = self._record.claim()
            before = await taking.take(machine, server, self._site, identity, self._packages, self._emit)
        finally:
            await machine.close()
        if before is not None and before.machine != name:
            # Another machine was here, which the site no longer asks for: its server was cleaned.
            self._record.forget(before.machine)
        self._record.keep(name, server, self._packages)

    async def _leave(self, name: str, held: Server) -> None:
        listed = self._servers.get(held.address)
        expected = listed is not None and not listed.lost
        await taking.leave(name, held, self._record, expected=expected, emit=self._emit)

    async def _clean(self, server: Server) -> None:
        """Remove what an interrupted preparation left, if it left something."""
        machine = await connection.connect(server.where, self._record.login(server), taking.CONNECT_LIMIT)
        try:
            await taking.reset(machine, self._record.identity)
        finally:
            await machine.close()

    async def _builder(self) -> SshMachine:
        silences = [unanswered("release", "there is no machine to build it on")]
        for name, server in self._record.machines().items():
            try:
                return await connection.connect(name, self._record.login(server), taking.CONNECT_LIMIT)
            except Unreachable as error:
                silences = [*error.findings]
        raise Unreachable(*silences)

    def _held(self, name: str) -> Server:
        held = self._record.machines().get(name)
        if held is None:
            raise Unreachable(unanswered(name, "no server was made this machine"))
        return held


def _cannot(name: str, why: str) -> Finding:
    return Finding(name, "this fault cannot be inflicted on servers", why, "try it in a lab, with the same site file")


def _raise(results: Sequence[Any]) -> None:
    """Raise what went wrong, all of it together."""
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, OutlastError):
            raise result
    findings = [finding for result in results if isinstance(result, OutlastError) for finding in result.findings]
    if findings:
        raise OutlastError(*findings)
