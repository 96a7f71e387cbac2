"""The lab as a provider of machines: image, disks, networks and processes of one site on this box."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit
from outlast.machines import ssh
from outlast.machines.machine import Machine
from outlast.machines.nspawn import builder, disk, image, network, process, record
from outlast.machines.nspawn.names import Identity
from outlast.machines.provider import BuildOrder, Fault, Found, Order, Power

BOOT_LIMIT = 60.0
BOOT_POLL = 0.1


class Lab:
    """Machines of systemd-nspawn. `home` is the site file's folder, `state` the site's own folder for keys."""

    def __init__(self, site: str, home: Path, state: Path) -> None:
        self._identity = Identity(site, home)
        self._keys = state / "ssh"
        self._image: Path | None = None

    @property
    def faults(self) -> frozenset[Fault]:
        """Everything that there is."""
        return frozenset(Fault)

    async def networks(self, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
        """A /24 for each data centre that nobody else on this box uses."""
        return await network.claim(self._identity, datacenters)

    async def prepare(self, packages: Sequence[str], emit: Emit) -> None:
        """Build the golden image, or find it in the cache."""
        self._image = await image.ensure(packages, emit)

    async def list(self) -> tuple[Found, ...]:
        """The machines with a disk; one whose making was interrupted does not count."""
        running = process.running(self._identity.prefix)
        return tuple(
            Found(
                name=held.name,
                datacenter=held.datacenter,
                address=IPv4Address(held.address),
                power=Power.ON if self._identity.machine(held.name) in running else Power.OFF,
                current=self._image is None or held.image == self._image.name,
            )
            for held in record.every(self._identity)
        )

    async def create(self, order: Order) -> None:
        """Make a machine, or boot the one that is there with its disk as it was left."""
        if self._identity.machine(order.name) not in process.running(self._identity.prefix):
            root = await self._disk(order)
            await network.plug(self._identity, order)
            console = self._folder(order.name) / "console.log"
            await process.start(self._identity.machine(order.name), order.name, root, console)
        await self._until_it_answers(order.name)

    async def destroy(self, name: str) -> None:
        """Remove a machine with its disk."""
        await process.kill(self._identity.machine(name))
        await network.unplug(self._identity, name)
        await disk.remove(self._folder(name))

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """Open an SSH connection with the site's key to the pinned host key."""
        held = record.read(self._identity, name)
        if held is None:
            raise Unreachable(ssh.silent(name, "the lab has no such machine"))
        known_hosts = self._keys / "known_hosts"
        return await ssh.connect(name, IPv4Address(held.address), self._keys / "id_ed25519", known_hosts, limit)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """The OpenSSH client, told the same key and host key."""
        held = record.read(self._identity, name)
        if held is None:
            raise Unreachable(ssh.silent(name, "the lab has no such machine"))
        options = ("-o", f"UserKnownHostsFile={self._keys / 'known_hosts'}", "-o", "IdentitiesOnly=yes")
        return ("ssh", "-i", str(self._keys / "id_ed25519"), *options, f"root@{held.address}")

    async def build(self, order: BuildOrder) -> AsyncIterator[str]:
        """Build a release in a throw-away machine on the image."""
        name = f"build-{order.name}"
        folder = self._identity.folder / "builds" / order.name
        async for line in builder.build(self._identity.machine(name), folder, self._prepared(), order):
            yield line

    async def power_off(self, name: str) -> None:
        """Pull the cable, then end every process: others see silence, as with a real loss of power."""
        await self.cut(name)
        await process.kill(self._identity.machine(name))

    async def cut(self, name: str) -> None:
        """Take the box's end of the machine's cable down."""
        await network.set_cable(self._identity, name, "down")

    async def mend(self, name: str) -> None:
        """Take it up again."""
        await network.set_cable(self._identity, name, "up")

    async def clear(self) -> None:
        """Remove whatever bears this lab's identity, whole or half made."""
        await asyncio.gather(*(process.kill(machine) for machine in process.running(self._identity.prefix)))
        await network.clear(self._identity)
        await disk.remove(self._identity.folder)

    def _folder(self, name: str) -> Path:
        return self._identity.machines / name

    def _prepared(self) -> Path:
        if self._image is None:
            raise AssertionError("prepare() comes before machines and builds")
        return self._image

    async def _disk(self, order: Order) -> Path:
        """The machine's mounted disk: the one it had, or a new one, remembered only when it is complete."""
        folder = self._folder(order.name)
        held = record.read(self._identity, order.name)
        if held is not None:
            lower = image.IMAGES / held.image
            if not lower.is_dir():
                raise OutlastError(_no_image(order.name, lower))
            return await disk.mount(folder, lower)
        await disk.remove(folder)
        root = await disk.mount(folder, self._prepared())
        disk.personalise(root, order, self._keys)
        made = record.Record(order.name, order.datacenter, str(order.address), self._prepared().name)
        record.write(self._identity, made)
        return root

    async def _until_it_answers(self, name: str) -> None:
        deadline = time.monotonic() + BOOT_LIMIT
        while True:
            try:
                machine = await self.connect(name, limit=2.0)
            except Unreachable as error:
                if time.monotonic() >= deadline:
                    raise OutlastError(self._no_boot(name, error.findings[0].why)) from None
                await asyncio.sleep(BOOT_POLL)
            else:
                await machine.close()
                return

    def _no_boot(self, name: str, why: str) -> Finding:
        console = self._folder(name) / "console.log"
        lines = console.read_text(errors="replace").splitlines()[-15:] if console.exists() else []
        fix = "mend what its console says below, then run the same command again"
        return Finding(name, f"it did not boot within {BOOT_LIMIT:g} s", why, fix, evidence=tuple(lines))


def _no_image(name: str, image_folder: Path) -> Finding:
    return Finding(
        where=name,
        what="its disk cannot be mounted",
        why=f"the image it was made from is no longer in the cache ({image_folder})",
        fix="destroy the site with `outlast down` and bring it up anew; images of living machines must stay",
    )
