"""Servers as somebody rents them: Debian 13 with sshd, sudo and nothing else. They are machines of a lab of their own.

What Outlast makes of them it makes over SSH alone: it is not told that they are a lab.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import asyncssh

from outlast.kernel.events import Emit, silent
from outlast.machines.debian import SUITE
from outlast.machines.nspawn import disk, image
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.lab import Lab
from outlast.machines.nspawn.locks import locked
from outlast.machines.nspawn.operator import new_key
from outlast.machines.nspawn.sources import debian_sources, reach
from outlast.machines.provider import Order
from outlast.seal.seal import Seal
from tests.lab.packages import serving, settings_of_pip
from tests.lab.site import HOMES, traces

DATACENTER = "rack"
PACKAGES = ("openssh-server", "sudo", "systemd", "systemd-sysv")
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
FINISH = """
cd "$1"
rm -f etc/ssh/ssh_host_* etc/machine-id var/lib/dbus/machine-id etc/apt/apt.conf.d/99mmdebstrap
ln -sf /dev/null etc/systemd/system/systemd-networkd.service
ln -sf /dev/null etc/systemd/system/console-getty.service
useradd --root "$1" --create-home --shell /bin/sh deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' > etc/sudoers.d/deploy
mkdir -p root/.ssh
: > etc/resolv.conf
echo '127.0.0.1 localhost' > etc/hosts
"""


async def ensure(_packages: Sequence[str], _emit: Emit) -> Path:
    """The image of a bare server, built once."""
    name = hashlib.sha256("\n".join((FINISH, *PACKAGES, *debian_sources())).encode()).hexdigest()[:16]
    target = image.IMAGES / f"bare-{name}"
    async with locked(image.IMAGES / "bare.lock", 300):
        if not target.is_dir():
            building, settings = target.with_suffix(".making"), target.with_suffix(".apt")
            await disk.remove(building)
            disk.private(settings, reach(await run(["apt-config", "dump"])).encode())
            chosen = [
                f"--include={','.join(PACKAGES)}",
                f"--aptopt={settings}",
                "--aptopt=APT::Install-Recommends false",
            ]
            await run(["mmdebstrap", "--variant=minbase", *chosen, SUITE, str(building), *debian_sources()], limit=300)
            await run(["sh", "-e", "-c", FINISH, "finish", str(building)])
            (building / image.CONTENTS).write_text("")
            settings.unlink()
            building.rename(target)
    return target


@dataclass(frozen=True)
class Rack:
    """Bare servers, by their numbers; `key` lets root and `deploy` in."""

    lab: Lab
    network: IPv4Network
    key: Path

    def address(self, number: int) -> IPv4Address:
        """The address of a server."""
        return self.network[number]

    def power_off(self, number: int) -> None:
        """Take its power away."""
        asyncio.run(self.lab.power_off(name(number)))

    def shell(self, number: int, script: str) -> str:
        """What a script prints there, run by root, the owner's way in."""
        return asyncio.run(_shell(self.lab, name(number), script))


def name(number: int) -> str:
    """What the lab calls a server."""
    return f"rack-server-{number}"


@contextmanager
def rack(title: str, numbers: Sequence[int]) -> Generator[Rack]:
    """Bare servers that reach package archives through this box, and go when the context ends."""
    home = HOMES / title
    lab = Lab(title, home, home / "rack", ensure)
    asyncio.run(lab.clear())
    # What a killed run left is sealed with a key that was its own.
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    try:
        network = asyncio.run(_boot(lab, numbers))
        key = _new_key(home / "owner")
        with serving(str(network[1])) as proxy:
            asyncio.run(_configure(lab, numbers, proxy, key))
            yield Rack(lab, network, key)
    finally:
        asyncio.run(lab.clear())
        Seal(home / "rack", title).forget()
        shutil.rmtree(home)
        assert traces(title) == []


def _new_key(path: Path) -> Path:
    """The owner's own key to the servers, as `ssh-keygen` writes it."""
    disk.private(path, new_key().export_private_key())
    return path


async def _boot(lab: Lab, numbers: Sequence[int]) -> IPv4Network:
    (network,) = await lab.networks([DATACENTER])
    await lab.prepare([], silent)
    await asyncio.gather(*(lab.create(Order(name(n), DATACENTER, network[n])) for n in numbers))
    return network


async def _configure(lab: Lab, numbers: Sequence[int], proxy: str, key: Path) -> None:
    """What the owner of servers has set up: package sources that answer, a proxy, whom to trust, who may log in."""
    apt = f'{reach(await run(["apt-config", "dump"]))}Acquire::http::Proxy "{proxy}";\n'
    public = asyncssh.read_private_key(key).export_public_key().decode().strip()
    files = {
        "/etc/apt/apt.conf.d/80owner": apt,
        "/etc/pip.conf": settings_of_pip(proxy, "/etc/ssl/owner.crt"),
        "/etc/ssl/owner.crt": AUTHORITIES.read_text(),
    }
    script = (
        f"mkdir -p ~deploy/.ssh; echo '{public}' | tee -a ~root/.ssh/authorized_keys > ~deploy/.ssh/authorized_keys;"
        "chown -R deploy: ~deploy/.ssh"
    )

    async def configure(number: int) -> None:
        machine = await lab.connect(name(number))
        for path, text in files.items():
            await machine.put(path, text.encode())
        await machine.close()
        await _shell(lab, name(number), script)

    await asyncio.gather(*map(configure, numbers))


async def _shell(lab: Lab, machine_name: str, script: str) -> str:
    machine = await lab.connect(machine_name)
    try:
        done = await machine.run(["sh", "-e", "-c", script])
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()
    finally:
        await machine.close()
