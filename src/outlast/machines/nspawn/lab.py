"""The lab as a provider of machines."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import asyncssh

from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit
from outlast.machines import ssh
from outlast.machines.machine import Machine
from outlast.machines.nspawn import image
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.names import LABS, Identity
from outlast.machines.provider import LEFT_OUT, BuildOrder, Fault, Found, Order, Power

BOOT_LIMIT = 60.0


class Lab:
    def __init__(self, site: str, home: Path, state: Path) -> None:
        self.identity = Identity(site, home)
        self._ssh = state / "ssh"
        self._image: Path | None = None

    @property
    def faults(self) -> frozenset[Fault]:
        return frozenset(Fault)

    async def networks(self, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
        LABS.mkdir(parents=True, exist_ok=True)
        with (LABS / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            claims = {p.parent.name: json.loads(p.read_text()) for p in LABS.glob("*/networks.json")}
            own = claims.get(self.identity.text, {})
            taken = {n for c in claims.values() for n in c.values()}
            routes = await run(["ip", "-4", "route"])
            start = int(self.identity.text[-6:], 16)
            for name in datacenters:
                while name not in own:
                    network = f"10.{100 + start // 256 % 100}.{start % 256}.0/24"
                    start += 1
                    if network not in taken and network.rpartition(".")[0] + "." not in routes:
                        own[name] = network
                        taken.add(network)
            self.identity.folder.mkdir(parents=True, exist_ok=True)
            (self.identity.folder / "networks.json").write_text(json.dumps(own))
        return tuple(IPv4Network(own[name]) for name in datacenters)

    async def prepare(self, packages: Sequence[str], emit: Emit) -> None:
        self._image = await image.ensure(packages, emit)

    async def list(self) -> tuple[Found, ...]:
        found: list[Found] = []
        running = self._running()
        for record in sorted(self.identity.folder.glob("machines/*/machine.json")):
            r = json.loads(record.read_text())
            on = self.identity.machine(r["name"]) in running
            found.append(
                Found(r["name"], r["datacenter"], IPv4Address(r["address"]), Power.ON if on else Power.OFF,
                      self._image is None or r["image"] == self._image.name)
            )
        return tuple(found)

    async def create(self, order: Order) -> None:
        assert self._image
        folder = self.identity.folder / "machines" / order.name
        ns, link, bridge = self.identity.machine(order.name), self.identity.link(order.name), self.identity.bridge(order.datacenter)
        if ns not in self._running():
            record = folder / "machine.json"
            fresh = not record.exists()
            if fresh:
                await self._unmount(folder)
                shutil.rmtree(folder, ignore_errors=True)
            for part in ("upper", "work", "root"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            lower = self._image if fresh else image.IMAGES / json.loads(record.read_text())["image"]
            if not os.path.ismount(folder / "root"):
                await run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work", str(folder / "root")])
            if fresh:
                self._personalize(folder / "root", order)
                record.write_text(json.dumps({"name": order.name, "datacenter": order.datacenter, "address": str(order.address), "image": self._image.name}))
            network = IPv4Network(json.loads((self.identity.folder / "networks.json").read_text())[order.datacenter])
            await self._bridge(bridge, network)
            await run(["ip", "netns", "del", ns], check=False)
            await run(["ip", "link", "del", link], check=False)
            await run(["ip", "netns", "add", ns])
            await run(["ip", "-batch", "-"], stdin=f"link add {link} type veth peer name host0 netns {ns}\nlink set {link} master {bridge} up\n")
            await run(["ip", "-n", ns, "-batch", "-"], stdin=f"addr add {order.address}/{network.prefixlen} dev host0\nlink set lo up\nlink set host0 up\nroute add default via {network[1]}\n")
            env = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
            log = (folder / "console.log").open("ab")
            await asyncio.create_subprocess_exec(
                "systemd-nspawn", "-q", "-D", str(folder / "root"), "-M", ns, f"--hostname={order.name}", f"--network-namespace-path=/run/netns/{ns}",
                "--register=no", "--keep-unit", "-b", "--console=pipe", "--capability=CAP_NET_ADMIN",
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=env)
        deadline = time.monotonic() + BOOT_LIMIT
        while True:
            try:
                await (await self.connect(order.name, limit=2)).close()
                return
            except Unreachable:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    def _personalize(self, root: Path, order: Order) -> None:
        (root / "etc/machine-id").write_text(secrets.token_hex(16) + "\n")
        (root / "etc/hostname").write_text(order.name + "\n")
        self._ssh.mkdir(mode=0o700, parents=True, exist_ok=True)
        private = self._ssh / "id_ed25519"
        if not private.exists():
            key = asyncssh.generate_private_key("ssh-ed25519")
            private.touch(mode=0o600)
            private.write_bytes(key.export_private_key())
        public = asyncssh.read_private_key(private).export_public_key()
        (root / "root/.ssh").mkdir(exist_ok=True, mode=0o700)
        (root / "root/.ssh/authorized_keys").write_bytes(public)
        host = asyncssh.generate_private_key("ssh-ed25519")
        p = root / "etc/ssh/ssh_host_ed25519_key"
        p.touch(mode=0o600)
        p.write_bytes(host.export_private_key())
        hosts = self._ssh / "known_hosts"
        old = hosts.read_text().splitlines() if hosts.exists() else []
        mine = f"{order.address} {host.export_public_key().decode().strip()}"
        hosts.write_text("\n".join([line for line in old if not line.startswith(f"{order.address} ")] + [mine]) + "\n")

    async def _bridge(self, bridge: str, network: IPv4Network) -> None:
        await run(["ip", "link", "add", bridge, "type", "bridge"], check=False)
        await run(["ip", "addr", "replace", f"{network[1]}/{network.prefixlen}", "dev", bridge])
        await run(["ip", "link", "set", bridge, "up"])

    async def _unmount(self, folder: Path) -> None:
        if os.path.ismount(folder / "root"):
            await run(["umount", "-l", str(folder / "root")])

    async def destroy(self, name: str) -> None:
        folder = self.identity.folder / "machines" / name
        await self.power_off(name)
        await run(["ip", "netns", "del", self.identity.machine(name)], check=False)
        await run(["ip", "link", "del", self.identity.link(name)], check=False)
        await self._unmount(folder)
        shutil.rmtree(folder, ignore_errors=True)

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        record = self.identity.folder / "machines" / name / "machine.json"
        if not record.exists():
            raise Unreachable(ssh.silent(name, "there is no such machine"))
        r = json.loads(record.read_text())
        return await ssh.connect(name, IPv4Address(r["address"]), self._ssh / "id_ed25519", self._ssh / "known_hosts", limit)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        r = json.loads((self.identity.folder / "machines" / name / "machine.json").read_text())
        return ("ssh", "-i", str(self._ssh / "id_ed25519"), "-o", f"UserKnownHostsFile={self._ssh / 'known_hosts'}", f"root@{r['address']}")

    async def build(self, order: BuildOrder) -> AsyncIterator[str]:
        assert self._image
        work = self.identity.folder / "builds" / order.name
        await self._unmount(work)
        shutil.rmtree(work, ignore_errors=True)
        for part in ("upper", "work", "root"):
            (work / part).mkdir(parents=True, exist_ok=True)
        root = work / "root"
        await run(["mount", "-t", "overlay", "overlay", "-o", f"lowerdir={self._image},upperdir={work}/upper,workdir={work}/work", str(root)])
        dest = root / order.path.lstrip("/")
        shutil.copytree(order.source, dest, ignore=lambda _, names: LEFT_OUT & set(names), symlinks=True)
        env = {k: v for k, v in os.environ.items() if k.startswith(("PIP_", "SSL_CERT_", "REQUESTS_CA"))}
        env |= {"HOME": "/root"} | dict(order.environment)
        binds = [f"--bind-ro={p}" for p in ("/etc/ssl/certs", "/etc/pip.conf", "/root/.config/pip", "/opt/pypi", "/opt/pypi-more", "/opt/wheels") if Path(p).exists()]
        process = await asyncio.create_subprocess_exec(
            "systemd-nspawn", "-q", "-D", str(root), "-M", self.identity.machine(f"build-{order.name}"), "--register=no", "--keep-unit", "--as-pid2",
            "--resolv-conf=copy-host", "--console=pipe", f"--chdir={order.path}", *binds, *(f"--setenv={k}={v}" for k, v in env.items()),
            "sh", "-e", "-c", order.script,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"})
        assert process.stdout
        lines: list[str] = []
        async for raw in process.stdout:
            lines.append(raw.decode(errors="replace").rstrip())
            yield lines[-1]
        code = await process.wait()
        if code == 0:
            partial = order.target.with_suffix(".partial")
            await run(["tar", "-C", str(dest), "-I", "gzip -1", "-cf", str(partial), "."], limit=300)
            partial.rename(order.target)
        await self._unmount(work)
        shutil.rmtree(work, ignore_errors=True)
        if code:
            raise OutlastError(Finding(f"build of {order.name}", "the build failed", lines[-1] if lines else f"exit {code}", "mend it and run the same command again", evidence=tuple(lines[-20:])))

    async def power_off(self, name: str) -> None:
        await self.cut(name)
        machine = self.identity.machine(name)
        pid = self._running().get(machine)
        if pid is not None:
            for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            deadline = time.monotonic() + 20
            while machine in self._running() and time.monotonic() < deadline:
                await asyncio.sleep(0.05)

    async def cut(self, name: str) -> None:
        await run(["ip", "link", "set", self.identity.link(name), "down"], check=False)

    async def mend(self, name: str) -> None:
        await run(["ip", "link", "set", self.identity.link(name), "up"])

    async def clear(self) -> None:
        for folder in self.identity.folder.glob("machines/*"):
            await self.destroy(folder.name)
        networks = self.identity.folder / "networks.json"
        for datacenter in json.loads(networks.read_text()) if networks.exists() else []:
            await run(["ip", "link", "del", self.identity.bridge(datacenter)], check=False)
        shutil.rmtree(self.identity.folder, ignore_errors=True)

    def _running(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().decode(errors="replace").split("\0")
                state = (path.parent / "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                continue
            if words[0].endswith("systemd-nspawn") and "-M" in words and state != "Z":
                found[words[words.index("-M") + 1]] = int(path.parent.name)
        return found
