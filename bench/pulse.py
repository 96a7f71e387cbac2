"""What it costs to hear a site: `.venv/bin/python -m bench.pulse`. Needs no lab and no root. Prints figures.

First the leader of a controller with 20 machines: `Senses` as it is, over 20 SSH connections to a server on this box,
a process of its own that runs 20 pulses. What the pulses themselves took stands beside it. Then the way of the lines
alone, for 1,000 machines: everything but the connection, as fast as it goes, told as a share of one processor at one
line a second. `serve FOLDER` is the server.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import asyncssh
from rich.console import Console
from tests.blueprint.blueprints import RELEASES
from tests.toys import EDGE, PROXY, STORE, WATCH, WEB, Options, grounds, registry, site

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.compile import compile_blueprint
from outlast.components.haproxy.gauge import parse
from outlast.contract.gauge import Gauge
from outlast.controller.beat import Beat, Rhythm
from outlast.controller.hearing import Hearing, hear
from outlast.controller.listening import listenings
from outlast.controller.loads import loads
from outlast.controller.senses import Senses
from outlast.machines.machine import Machine
from outlast.machines.provider import Found, Power
from outlast.machines.ssh.connection import connect
from outlast.machines.ssh.login import Login
from outlast.policy.observation import Known, MachineSeen, Presence
from outlast.topology.place import place

MACHINES, MANY = 20, 1000
WARM, MEASURED = 10.0, 30.0
SECONDS = 10
HERE = "127.0.0.1"
# A real answer, of two apps: an edge tells about so much each second.
STAT = Path(__file__).parents[1] / "tests/components/haproxy/stat.csv"
TICKS = os.sysconf("SC_CLK_TCK")
MIB = 2**20


@dataclass(frozen=True)
class Loopback:
    """Machines that are all this box, behind one SSH server."""

    blueprint: Blueprint
    login: Login

    async def list(self) -> tuple[Found, ...]:
        """All of them, running."""
        return tuple(
            Found(m.name, m.datacenter, IPv4Address(m.address), Power.ON, current=True)
            for m in self.blueprint.topology.machines
        )

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """A connection of its own for each."""
        return await connect(name, self.login, limit)


def main() -> None:
    """Measure both, or serve."""
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(Path(sys.argv[2])))
        return
    console = Console(highlight=False)
    asyncio.run(few(console))
    many(console)


def wished(machines: int, folder: Path) -> Blueprint:
    """A site of toys with so many machines: two edges, five for data, apps on all others."""
    gauge = Gauge(str(folder / "admin.sock"), "show stat -1 2 -1\n", parse)
    known = registry(WEB, replace(EDGE, gauge=gauge), STORE, PROXY, WATCH)
    wish = site(
        apps={"shop": Options(count=machines - 7, uses=("database",))},
        engines={"edge": Options(), "store": Options(count=5), "proxy": Options(), "watch": Options()},
    )
    return compile_blueprint(wish, known, place(wish, known, grounds(wish, 20), None), RELEASES, None)


async def few(console: Console) -> None:
    """The leader of 20 machines, with everything that it does."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        blueprint = wished(MACHINES, folder)
        async with served(folder) as (login, server):
            gauge = Gauge(str(folder / "admin.sock"), "show stat -1 2 -1\n", parse)
            known = registry(WEB, replace(EDGE, gauge=gauge), STORE, PROXY, WATCH)
            provider: Any = Loopback(blueprint, login)
            before = resident()
            async with Senses(blueprint, known, provider, rhythm=Rhythm()).listening() as ears:
                await decided(ears, WARM)
                used, theirs = own_seconds(), pulses(server)
                began = time.monotonic()
                seen = await decided(ears, MEASURED)
                took = time.monotonic() - began
                share, after = (own_seconds() - used) / took, pulses(server)
                heard = sum(seen.at - machine.heard <= 2 for machine in seen.machines.values())
                console.print(f"{heard} of {len(seen.machines)} machines heard, {len(seen.members)} members")
                console.print(f"the leader: {share:.2%} of one processor, {resident() / MIB:.1f} MiB")
                console.print(f"  of which {(resident() - before) / MIB:.1f} MiB since before it listened")
                lasting = [p for p in after if p in theirs]
                alone = sum(after[p][0] - theirs[p][0] for p in lasting) / took / len(lasting)
                probes = sum(after[p][1] - theirs[p][1] for p in lasting) / took / len(lasting)
                memory = sum(after[p][2] for p in lasting) / len(lasting) / MIB
                own = sum(after[p][3] for p in lasting) / len(lasting) / MIB
                console.print(f"one pulse: {alone:.2%} of one processor, {memory:.1f} MiB resident, {own:.1f} its own")
                console.print(f"  its probes (`echo`): {probes:.2%}")


async def decided(ears: Senses, seconds: float) -> Any:
    """Look once a second, as a controller does. Answers the last look."""
    ends = time.monotonic() + seconds
    seen = ears.observation()
    while time.monotonic() < ends:
        await asyncio.sleep(1.0)
        seen = ears.observation()
    return seen


def many(console: Console) -> None:
    """The way of the lines of 1,000 machines, from text to observation."""
    blueprint = wished(MANY, Path("/run"))
    gauge = Gauge("/run/admin.sock", "show stat -1 2 -1\n", parse)
    known = registry(WEB, replace(EDGE, gauge=gauge), STORE, PROXY, WATCH)
    listened = listenings(blueprint, known, Rhythm())
    hearings = {name: Hearing() for name in listened}
    machines = {name: MachineSeen(Known(Presence.ON, 0.0)) for name in listened}
    texts = [
        {name: text(number, json.loads(where.request)["members"], json.loads(where.request)["gauges"])
         for name, where in listened.items()} for number in range(5)
    ]  # fmt: skip
    before, began = resident(), own_seconds()
    for second in range(SECONDS):
        for name, line in texts[second % 5].items():
            beat = Beat.model_validate_json(line)
            hearings[name] = hear(hearings[name], beat, float(second), listened[name].tenants)
        for name, where in listened.items():
            for member in where.tenants:
                hearings[name].health(member, float(second), 5.0)
        loads(blueprint.topology, listened, hearings, machines)
    share = (own_seconds() - began) / SECONDS
    size = sum(map(len, texts[0].values())) / len(listened)
    console.print(f"{len(listened)} machines, lines of {size:.0f} characters: {share:.2%} of one processor")
    console.print(f"  {(resident() - before) / MIB:.1f} MiB beyond the blueprint")


def text(number: int, members: dict[str, Any], gauges: dict[str, Any]) -> str:
    """A line of one machine: probes have spoken in every fifth."""
    said = {"returncode": 0, "stdout": "well\n", "stderr": "", "asked": 1000.0 + number}
    return json.dumps(
        {
            "beat": number,
            "boot": "6f1f5c9a-7d0f-4c3a-9d0b-0f7f6f2f1c11",
            "up": 1000.0 + number,
            "worked": 70.0 + number * 0.5,
            "processors": 2,
            "memory": 4 * 2**30,
            "free": 2**30,
            "units": {unit: True for member in members.values() for unit in member["units"]},
            "used": {unit: 3.0 + number * 0.8 for member in members.values() for unit in member["units"]},
            "metrics": {},
            "probes": dict.fromkeys(members, said) if number == 0 else {},
            "gauges": dict.fromkeys(gauges, STAT.read_text(encoding="utf-8")),
        },
        separators=(",", ":"),
    )


@asynccontextmanager
async def served(folder: Path) -> AsyncGenerator[tuple[Login, int]]:
    """The server in a process group of its own, and how it is logged in to."""
    argv = [sys.executable, "-m", "bench.pulse", "serve", str(folder)]
    server = await asyncio.create_subprocess_exec(*argv, start_new_session=True, stdout=asyncio.subprocess.PIPE)
    try:
        assert server.stdout is not None
        port = int(await server.stdout.readline())
        yield Login(IPv4Address(HERE), folder / "key", folder / "known_hosts", port=port), server.pid
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        await server.wait()


async def serve(folder: Path) -> None:
    """Accept connections, and answer the gauge's question, until somebody ends this."""
    key, host = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    (folder / "key").touch(mode=0o600)
    (folder / "key").write_bytes(key.export_private_key())
    (folder / "authorized").write_bytes(key.export_public_key())
    acceptor = await asyncssh.listen(
        HERE,
        0,
        server_host_keys=[host],
        authorized_client_keys=str(folder / "authorized"),
        process_factory=carry_out,
        encoding=None,
    )
    answer = STAT.read_bytes()

    async def show(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        await writer.drain()
        writer.close()

    await asyncio.start_unix_server(show, folder / "admin.sock")
    port = acceptor.get_port()
    (folder / "known_hosts").write_text(f"[{HERE}]:{port} {host.export_public_key().decode().strip()}\n")
    Console().print(port)
    await acceptor.wait_closed()


async def carry_out(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run one command, its streams as they come."""
    child = await asyncio.create_subprocess_shell(process.command or "true", stdin=-1, stdout=-1, stderr=-1)
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    process.exit(await child.wait())


def pulses(server: int) -> dict[int, tuple[float, float, int, int]]:
    """The pulses below the server: their own seconds, those of their probes, bytes resident and bytes of their own."""
    found: dict[int, tuple[float, float, int, int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            held = (folder / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        # proc_pid_stat(5): the third field is the first one here; the session is the sixth, the times 14 to 17.
        if int(fields[3]) == server and command.split(b"\0")[0].endswith(b"python3"):
            own, children = (sum(map(int, fields[first : first + 2])) / TICKS for first in (11, 13))
            sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in held if line.endswith("kB")}
            found[int(folder.name)] = (own, children, sizes["Rss:"], sizes["Private_Dirty:"])
    return found


def own_seconds() -> float:
    """Of this process, all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident() -> int:
    """Bytes of this process in memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
