"""Uses each service of the shop once, from whatever machines are left, and says whether it served."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import Callable, Sequence

import httpx
import yaml
from tests.lab.site import LabSite

from outlast.blueprint.blueprint import Blueprint
from outlast.components.app.render import environment_path
from outlast.contract.slot import Slot
from outlast.controller.store import Store
from outlast.kernel.errors import OutlastError
from outlast.machines.machine import Result
from outlast.topology.topology import Machine

TABLE = "outlast_audit"
LIMIT = 8.0
# Runs on an app machine with the very variables that the app gets: writes by one address, reads by the other.
THROUGH_PROXY = f"""
import os, sys, urllib.parse, pymysql
def connect(name):
    url = urllib.parse.urlsplit(os.environ[name])
    authority = dict(urllib.parse.parse_qsl(url.query))["ssl_ca"]
    return pymysql.connect(host=url.hostname, port=url.port, user=url.username, password=url.password, ssl_ca=authority,
        database=url.path[1:], connect_timeout=2, read_timeout=3, write_timeout=3, autocommit=True)
mark = int(sys.argv[1])
with connect("DATABASE_URL") as writer, writer.cursor() as cursor:
    cursor.execute("REPLACE INTO {TABLE} VALUES (1, %s)", (mark,))
with connect("DATABASE_READ_URL") as reader, reader.cursor() as cursor:
    cursor.execute("SELECT at FROM {TABLE} WHERE id = 1")
    assert cursor.fetchone()[0] >= mark
"""


def prepare(site: LabSite) -> None:
    """Make the table that trials write to."""
    blueprint = Store(site.home / ".outlast").blueprint()
    assert blueprint is not None
    machine = next(member.machine for member in blueprint.topology.members if member.service == "database")
    made = ask(site, machine, sql(blueprint, "CREATE TABLE {table} (id INT PRIMARY KEY, at BIGINT)"))
    assert made is not None
    assert made.returncode == 0, made.stderr


def sql(blueprint: Blueprint, text: str) -> tuple[str, ...]:
    """argv: a statement for the member of the database on this machine, as its administrator."""
    return ("mariadb", "--connect-timeout=2", "--execute", text.format(table=f"`{blueprint.topology.site}`.{TABLE}"))


def ask(site: LabSite, machine: str, argv: Sequence[str]) -> Result | None:
    """What a command on a machine answers; None: nothing in time."""

    async def talk() -> Result:
        connection = await site.provider().connect(machine)
        try:
            return await connection.run(argv, limit=LIMIT)
        finally:
            await connection.close()

    try:
        return asyncio.run(talk())
    except OutlastError:
        return None


class Asker:
    """Uses services of one site, of which the machines `alive` are left."""

    def __init__(self, site: LabSite, blueprint: Blueprint, alive: Sequence[Machine]) -> None:
        self._site = site
        self._blueprint = blueprint
        self._alive = {machine.name: machine for machine in alive}
        self._addresses = [floating.address for floating in blueprint.topology.floating]
        self._ways: dict[str, Callable[[], bool]] = {
            "addresses": lambda: all(map(self._connects, self._addresses)),
            "edge": lambda: any(map(self._answers, self._addresses)),
            "web": lambda: any(map(self._takes_an_order, self._addresses)),
            "database": lambda: any(map(self._writes, self._left("database"))),
            "dbproxy": lambda: any(map(self._writes_through, self._left("dbproxy"))),
            "coordination": lambda: any(map(self._keeps_a_key, self._left("coordination"))),
        }

    def serves(self, service: str) -> bool:
        """Whether the service did what it is for, just now."""
        return self._ways[service]()

    def _left(self, service: str) -> list[str]:
        members = self._blueprint.topology.members
        return [m.machine for m in members if m.service == service and m.machine in self._alive]

    def _connects(self, address: str) -> bool:
        try:
            socket.create_connection((address, 443), timeout=2).close()
        except OSError:
            return False
        return True

    def _answers(self, address: str) -> bool:
        """Any answer over HTTPS: an edge whose apps are gone says so."""
        try:
            with self._site.client(f"https://{address}/") as client:
                return client.get("/", timeout=5.0).status_code > 0
        except httpx.HTTPError:
            return False

    def _takes_an_order(self, address: str) -> bool:
        try:
            with self._site.client(f"https://{address}/") as client:
                product = client.get("/api/products", params={"limit": 1}).json()["products"][0]["id"]
                token = uuid.uuid4().hex
                order = {"token": token, "items": [{"product": product, "quantity": 1}]}
                taken = client.post("/api/orders", json=order).status_code
                return taken == 201 and client.get(f"/api/orders/{token}").status_code == 200
        except (httpx.HTTPError, ValueError, LookupError):
            # Also an answer that is not what was asked for: an error in JSON, say.
            return False

    def _writes(self, machine: str) -> bool:
        """A write at one member of the database itself."""
        return self._done(machine, sql(self._blueprint, f"REPLACE INTO {{table}} VALUES (2, {time.time_ns()})"))

    def _writes_through(self, machine: str) -> bool:
        environment = f"--property=EnvironmentFile={environment_path('web', Slot.A)}"
        runner = ("systemd-run", "--wait", "--pipe", "--quiet", environment, "/usr/bin/python3", "-c")
        return self._done(machine, (*runner, THROUGH_PROXY, str(time.time_ns())))

    def _keeps_a_key(self, machine: str) -> bool:
        """A write to etcd, which a majority must agree to, by the way that its own configuration tells."""
        found = ask(self._site, machine, ("cat", "/run/outlast-etcd/etcd.yaml"))
        if found is None:
            return False
        settings = yaml.safe_load(found.stdout)
        secure = settings.get("client-transport-security", {})
        names = {"--cacert": "trusted-ca-file", "--cert": "cert-file", "--key": "key-file"}
        trust = [word for option, name in names.items() if secure.get(name) for word in (option, secure[name])]
        url = settings["advertise-client-urls"].split(",")[0]
        return self._done(machine, ("etcdctl", "--endpoints", url, *trust, "put", TABLE, str(time.time_ns())))

    def _done(self, machine: str, argv: Sequence[str]) -> bool:
        answer = ask(self._site, machine, argv)
        return answer is not None and answer.returncode == 0
