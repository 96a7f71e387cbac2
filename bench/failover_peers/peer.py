"""PostgreSQL with Patroni: three machines for data, three more for etcd, so that no fault hits both, and one client."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Address

import httpx
from bench.failover_peers import patroni_files
from bench.failover_peers.waiting import until
from tests.lab.site import HOMES, traces

from outlast.kernel.events import silent
from outlast.machines.nspawn.lab import Lab
from outlast.machines.provider import Order
from outlast.seal.seal import Seal

DATACENTER = "east"
PACKAGES = (
    "etcd-server",
    "haproxy",
    "patroni",
    "postgresql",
    "python3-etcd",  # Patroni's client of etcd, of either version, is built on it
    "python3-psycopg2",
)
DATA = {f"data-{number}": 10 + number for number in (1, 2, 3)}
VOTERS = {f"etcd-{number}": 20 + number for number in (1, 2, 3)}
CLIENT = {"client": 31}
UP_LIMIT = 120.0
ASK_LIMIT = 1.0
# Of the members as Patroni's own /cluster calls them.
ROLES = ["leader", "replica", "sync_standby"]


@dataclass(frozen=True)
class Patroni:
    """Patroni at its fastest, in a lab of its own."""

    name: str = "Patroni"
    site: str = "bench-peers-patroni"
    client: str = "client"
    environment: tuple[str, ...] = (f"--setenv=DATABASE_URL={patroni_files.URL}",)
    kill: str = f"kill -9 $(head -n 1 {patroni_files.DATA}/postmaster.pid)"
    packages: tuple[str, ...] = ("patroni", "postgresql-17", "etcd-server", "haproxy", "python3-psycopg2")

    @property
    def provider(self) -> Lab:
        """The lab of its own."""
        return self._lab

    @cached_property
    def _lab(self) -> Lab:
        """One for the whole run: the operator's key stays opened in its memory."""
        home = HOMES / self.site
        home.mkdir(parents=True, exist_ok=True)
        return Lab(self.site, home, home / ".outlast")

    async def up(self) -> None:
        """Machines, then etcd, then Patroni, then the proxy."""
        await self.provider.clear()
        await self.provider.prepare(PACKAGES, silent)
        members = await self._addresses()
        await asyncio.gather(*(self.provider.create(Order(n, DATACENTER, a)) for n, a in members.items()))
        data, voters = _only(members, DATA), _only(members, VOTERS)
        hosts = "127.0.0.1 localhost\n" + "".join(f"{address} {name}\n" for name, address in members.items())
        for service, path, texts in (
            ("etcd", "/etc/default/etcd", {name: patroni_files.etcd(name, voters) for name in voters}),
            (
                "patroni",
                "/etc/patroni/config.yml",
                {name: patroni_files.patroni(name, address, voters) for name, address in data.items()},
            ),
            ("haproxy", "/etc/haproxy/haproxy.cfg", dict.fromkeys(CLIENT, patroni_files.haproxy(data))),
        ):
            await asyncio.gather(*(self._serve(name, service, path, text, hosts) for name, text in texts.items()))
        await until("Patroni has a leader and two replicas", self.healthy, UP_LIMIT)

    async def healthy(self) -> bool:
        """A leader, a synchronous replica and another one, both streaming on the leader's timeline."""
        for address in _only(await self._addresses(), DATA).values():
            with suppress(httpx.HTTPError, ValueError):
                async with httpx.AsyncClient(timeout=ASK_LIMIT) as client:
                    answer = await client.get(f"http://{address}:{patroni_files.API_PORT}/cluster")
                members = answer.json()["members"]
                states = {member["state"] for member in members}
                timelines = {member.get("timeline") for member in members}
                return (
                    sorted(member["role"] for member in members) == ROLES
                    and states == {"running", "streaming"}
                    and len(timelines) == 1
                )
        return False

    async def settings(self) -> str:
        """The configuration that all members share, as Patroni tells it."""
        address = (await self._addresses())["data-1"]
        async with httpx.AsyncClient(timeout=ASK_LIMIT) as client:
            shared = (await client.get(f"http://{address}:{patroni_files.API_PORT}/config")).json()
        return ", ".join(f"{key} = {value}" for key, value in shared.items() if key != "postgresql")

    async def down(self) -> None:
        """Remove the lab with all it holds."""
        await self.provider.clear()
        home = HOMES / self.site
        Seal(home / ".outlast", self.site).forget()
        shutil.rmtree(home)
        assert traces(self.site) == []

    async def _addresses(self) -> dict[str, IPv4Address]:
        (network,) = await self.provider.networks([DATACENTER])
        return {name: network[number] for name, number in (DATA | VOTERS | CLIENT).items()}

    async def _serve(self, name: str, service: str, path: str, text: str, hosts: str) -> None:
        """Give a machine its file, and start its service now and at every boot."""
        machine = await self.provider.connect(name)
        try:
            await machine.put("/etc/hosts", hosts.encode())
            await machine.put(path, text.encode())
            for verb in ("enable", "restart"):
                done = await machine.run(["systemctl", verb, service])
                assert done.returncode == 0, done.stderr.decode()
        finally:
            await machine.close()


def _only(members: Mapping[str, IPv4Address], chosen: Mapping[str, int]) -> dict[str, IPv4Address]:
    return {name: members[name] for name in chosen}
