"""Outlast's own database tier, end to end: the example shop, as `outlast up` makes it."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from dataclasses import dataclass
from functools import cached_property, partial

from bench.failover_peers.waiting import until
from tests.lab.site import OUTLAST, LabSite, copy_of, traces

from outlast.components.app.render import environment_path
from outlast.contract.slot import Slot
from outlast.machines.nspawn.lab import Lab

UP_LIMIT = 400.0
# The database and the proxy count here: one edge and one app machine are enough.
SMALL = (("{ machines: lab }", "{ machines: lab, pools: { edge: 1 } }"), ("min: 2", "min: 1"))
# Galera's own (gcomm/src/defaults.cpp). Two more that Outlast derives from these are put right in the file on the
# machines: it would check for silent members more seldom than Galera does by default, and give up connections later.
DEFAULT_TIMERS = "timers: { keepalive: 1s, suspect: 5s, inactive: 15s, install: 7500ms }"
DERIVED = ("s/inactive_check_period=PT1S/inactive_check_period=PT0.5S/", "s/peer_timeout=PT5S/peer_timeout=PT3S/")
MEMBERS = ("east-data-1", "east-data-2", "east-data-3")
CONFIG = "/etc/outlast/galera/my.cnf"
SERVICE = "outlast-galera.service"
HEALTHY_LIMIT = 90.0
TIMER = re.compile(r"keepalive|inactive|suspect|install_timeout|join_retrans|peer_timeout")


@dataclass(frozen=True)
class Product:
    """The shop under a name of the bench's own, with or without Galera's default timers."""

    name: str
    site: str
    default_timers: bool
    client: str = "east-app-1"
    environment: tuple[str, ...] = (f"--property=EnvironmentFile={environment_path('web', Slot.A)}",)
    kill: str = "kill -9 $(pidof mariadbd)"
    packages: tuple[str, ...] = ("mariadb-server", "galera-4", "haproxy", "python3-pymysql")

    @cached_property
    def _home(self) -> LabSite:
        home = copy_of("shop", self.site)
        for old, new in SMALL:
            home.edit(old, new)
        if self.default_timers:
            home.edit("engine: mariadb }", f"engine: mariadb, {DEFAULT_TIMERS} }}")
        return home

    @property
    def provider(self) -> Lab:
        """The lab that the site stands in."""
        return self._lab

    @cached_property
    def _lab(self) -> Lab:
        """One for the whole run: the operator's key stays opened in its memory."""
        return self._home.provider()

    async def up(self) -> None:
        """Bring the site up, in its own process."""
        code, _, said = await self._outlast("up", "--yes", limit=UP_LIMIT)
        assert code == 0, said
        if self.default_timers:
            for machine in MEMBERS:
                await self._on(machine, "sed", "-i", *(f"--expression={change}" for change in DERIVED), CONFIG)
                await self._on(machine, "systemctl", "restart", SERVICE)
                await until(f"{machine} is back", partial(self._synced, machine), HEALTHY_LIMIT)

    async def settings(self) -> str:
        """The timers in force, as the server knows them."""
        options = await self._on(MEMBERS[0], "mariadb", "-NBe", "SELECT @@wsrep_provider_options")
        pairs = [pair.strip() for pair in options.split(";")]
        return ", ".join(pair for pair in pairs if pair.startswith(("evs.", "gmcast.peer")) and TIMER.search(pair))

    async def healthy(self) -> bool:
        """What `outlast status` says."""
        _, out, _ = await self._outlast("status", "--json", limit=60.0)
        return bool(json.loads(out)["healthy"])

    async def down(self) -> None:
        """Remove the site with all it holds."""
        if self._home.home.exists():
            await self._outlast("down", "--yes", limit=120.0)
            shutil.rmtree(self._home.home)
        assert traces(self.site) == []

    async def _synced(self, machine: str) -> bool:
        script = "mariadb -NBe \"SHOW STATUS LIKE 'wsrep_local_state_comment'\" || echo it does not answer yet"
        return "Synced" in await self._on(machine, "sh", "-c", script)

    async def _on(self, machine: str, *argv: str) -> str:
        connection = await self.provider.connect(machine)
        try:
            done = await connection.run(argv)
            assert done.returncode == 0, done.stderr.decode()
            return done.stdout.decode()
        finally:
            await connection.close()

    async def _outlast(self, verb: str, *options: str, limit: float) -> tuple[int | None, str, str]:
        argv = [str(OUTLAST), verb, "-f", str(self._home.home / "site.yaml"), *options]
        process = await asyncio.create_subprocess_exec(
            *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            out, said = await asyncio.wait_for(process.communicate(), limit)
        finally:
            await _ended(process)
        return process.returncode, out.decode(), said.decode()


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Nothing goes on behind the bench's back, whatever interrupted it."""
    if process.returncode is None:
        process.terminate()
        await process.wait()
