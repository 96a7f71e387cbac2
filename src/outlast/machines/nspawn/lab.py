"""The lab as a provider of machines: image, disks, networks and processes of one site on this box."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit
from outlast.machines.machine import Machine, unanswered
from outlast.machines.nspawn import builder, claims, disk, image, network, packets, process, record, releases
from outlast.machines.nspawn.locks import locked
from outlast.machines.nspawn.names import Identity
from outlast.machines.nspawn.operator import Operator
from outlast.machines.provider import BuildOrder, Fault, Found, Order, Power
from outlast.machines.ssh import connection
from outlast.machines.ssh.login import Login, client
from outlast.seal.seal import Seal

BOOT_LIMIT = 60.0
BOOT_POLL = 0.03
# A machine that runs no more so long after its start has ended by itself.
START_LIMIT = 3.0
# To remove a disk takes seconds.
LOCK_LIMIT = 60.0
# The next one begins to boot when the one before answers, and after so long anyway.
TURN = 4.0
Ensure = Callable[[Sequence[str], Emit], Awaitable[Path]]


class Lab:
    """Machines of systemd-nspawn. `home` is the site file's folder, `state` the site's own folder for keys.

    `ensure` makes the image of machines with these packages, or finds it in the cache. Without `builds` it builds no
    releases, and leaves alone those that somebody else is building.
    """

    def __init__(
        self, site: str, home: Path, state: Path, ensure: Ensure = image.ensure, *, builds: bool = True
    ) -> None:
        self._ensure = ensure
        self._builds = builds
        self._identity = Identity(site, home)
        self._operator = Operator(state / "ssh", Seal(state, site))
        self._image: Path | None = None
        self._packages: tuple[str, ...] = ()
        self._booting: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    @property
    def faults(self) -> frozenset[Fault]:
        """Everything that there is; without nftables for bridges, what cables and power can do."""
        return frozenset(Fault) if packets.usable() else frozenset(Fault) - packets.BY_PACKETS

    @property
    def abreast(self) -> int | None:
        """They share the processors of this box: half of these are left to whoever serves."""
        return max(1, len(os.sched_getaffinity(0)) // 2)

    async def networks(self, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
        """A /24 for each data centre that nobody else on this box uses."""
        return await claims.claim(self._identity, datacenters)

    async def prepare(self, packages: Sequence[str], emit: Emit) -> None:
        """Build the golden image, or find it in the cache."""
        pinned = record.pin(self._identity).image
        is_enough = pinned and image.holds(pinned, packages)
        self._image = image.IMAGES / pinned if is_enough else await self._ensure(packages, emit)
        self._packages = tuple(packages)
        for folder in (self._identity.folder / "builds").glob("*") if self._builds else ():
            # Of a command that was killed: the release may be there already, and then nobody builds here again.
            await process.kill(self._identity.machine(f"build-{folder.name}"))
            await disk.remove(folder)

    async def renew(self, packages: Sequence[str], emit: Emit, *, anyway: bool) -> bool:
        """Build another image and pin it, when something in it is newer."""
        await self.prepare(packages, emit)
        before = self._prepared().name
        new = await image.renew(packages, emit)
        if not anyway and image.versions(new.name) == image.versions(before):
            await image.forget(new.name)
            return False
        record.write_pin(self._identity, record.Pin(new.name, before))
        self._image = new
        return True

    async def revert(self) -> bool:
        """Pin the image of before."""
        held = record.pin(self._identity)
        if held.reverted:
            return True
        if not held.before or not (image.IMAGES / held.before).is_dir():
            return False
        record.write_pin(self._identity, record.Pin(held.before, held.image, reverted=True))
        self._image = image.IMAGES / held.before
        return True

    async def list(self) -> tuple[Found, ...]:
        """The machines with a disk; one whose making was interrupted does not count."""
        running = process.running(self._identity.prefix)
        return tuple(
            Found(
                name=held.name,
                datacenter=held.datacenter,
                address=IPv4Address(held.address),
                power=Power.ON if self._identity.machine(held.name) in running else Power.OFF,
                # One whose removal was cut short has no image any more, and is made anew from the newest.
                current=self._image is None or not held.image or image.holds(held.image, self._packages),
                renewed=self._image is None or self._image.name == held.image,
            )
            for held in record.every(self._identity)
        )

    async def create(self, order: Order) -> None:
        """Make a machine, or boot the one that is there with its disk as it was left.

        Machines that boot take the box's processors from each other, and from those that serve. Beside a site that runs
        one boots at a time: the first is there sooner, and the last hardly later (measured).
        """
        machine = self._identity.machine(order.name)
        standing = process.running(self._identity.prefix).keys() - self._booting
        self._booting.add(machine)
        boot: asyncio.Task[None] | None = None
        try:
            async with self._one_at_a_time if standing else nullcontext():
                boot = asyncio.create_task(self._boot(order, machine))
                # Others do not wait for one that does not answer.
                await asyncio.wait({boot}, timeout=TURN)
            await boot
        finally:
            self._booting.discard(machine)
            if boot is not None:
                boot.cancel()
                await asyncio.gather(boot, return_exceptions=True)

    async def _boot(self, order: Order, machine: str) -> None:
        async with self._alone_with(order.name):
            held = record.read(self._identity, order.name)
            if not (held and held.image and machine in process.running(machine)):
                await process.kill(machine)
                root = await self._disk(order, held)
                await network.plug(self._identity, order)
                await process.start(machine, order.name, root, self._console(order.name))
        await self._until_it_answers(order.name)

    async def destroy(self, name: str) -> None:
        """Remove a machine with its disk."""
        async with self._alone_with(name):
            if held := record.read(self._identity, name):
                # Seen in the list until everything is gone, but never booted again.
                record.write(self._identity, replace(held, image=""))
            await process.kill(self._identity.machine(name))
            await packets.change(self._identity, lambda broken: broken.mended(name))
            await network.unplug(self._identity, name)
            await disk.remove(self._folder(name))

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """Open an SSH connection with the site's key to the pinned host key."""
        return await connection.connect(name, self._login(name), limit, sessions=image.SESSIONS)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """The OpenSSH client with the site's key and the pinned host key."""
        return client(self._login(name))

    def build(self, order: BuildOrder) -> AsyncIterator[str]:
        """Build a release in a throw-away machine on the image."""
        return releases.build_once(order, self._build) if order.everywhere else self._build(order)

    async def power_off(self, name: str) -> None:
        """Pull the cable, then end every process: others see silence, as with a real loss of power.

        The box's page cache lives on: what the machine wrote and did not flush is there when it boots again.
        """
        # No cable to pull is fine here: after a restart of the box there is none.
        await network.set_cable(self._identity, name, "down", check=False)
        await process.kill(self._identity.machine(name))

    async def cut(self, name: str) -> None:
        """Take the bridge's end of the machine's cable down."""
        await network.set_cable(self._identity, name, "down")

    async def partition(self, left: Collection[str], right: Collection[str]) -> None:
        """Drop what goes from one set to the other, either way."""
        await packets.change(self._identity, lambda broken: broken.parted(left, right), *left, *right)

    async def cut_one_way(self, senders: Collection[str], receivers: Collection[str]) -> None:
        """Drop what the senders send to the receivers."""
        await packets.change(self._identity, lambda broken: broken.one_way(senders, receivers), *senders, *receivers)

    async def lose(self, name: str, share: float) -> None:
        """Drop this share of what comes from the machine's cable, and of what goes there."""
        await packets.change(self._identity, lambda broken: broken.losing(name, share), name)

    async def mend(self, name: str) -> None:
        """Take the cable up again, and drop nothing more."""
        await packets.change(self._identity, lambda broken: broken.mended(name))
        await network.set_cable(self._identity, name, "up")

    async def clear(self) -> None:
        """Remove whatever bears this lab's identity, whole or half made."""
        # First: it makes machines when controllers ask.
        await process.kill(self._identity.vendor)
        await process.kill(*process.running(self._identity.prefix))
        await network.clear(self._identity)
        await disk.remove(self._identity.folder)
        process.sweep(self._identity.prefix)
        await claims.leave()

    def _build(self, order: BuildOrder) -> AsyncGenerator[str, None]:
        machine = self._identity.machine(f"build-{order.name}")
        return builder.build(machine, self._identity.folder / "builds" / order.name, self._prepared(), order)

    def _login(self, name: str) -> Login:
        held = record.read(self._identity, name)
        if held is None:
            raise Unreachable(unanswered(name, "the lab has no such machine"))
        return Login(IPv4Address(held.address), self._operator.opened(), self._operator.known_hosts)

    def _alone_with(self, name: str) -> AbstractAsyncContextManager[int]:
        """For whoever makes or removes a machine's disk. A leader makes anew what it sees go, at once: what is still to
        be removed then would be the new one's."""
        return locked(self._identity.folder / f"{name}.lock", LOCK_LIMIT)

    def _folder(self, name: str) -> Path:
        return self._identity.machines / name

    def _prepared(self) -> Path:
        if self._image is None:
            raise AssertionError("prepare() comes before machines and builds")
        return self._image

    def _console(self, name: str) -> Path:
        return self._folder(name) / "console.log"

    async def _disk(self, order: Order, held: record.Record | None) -> Path:
        """The machine's mounted disk: the one it had, or a new one, remembered only when it is complete."""
        folder = self._folder(order.name)
        if held and held.image:
            lower = image.IMAGES / held.image
            if not lower.is_dir():
                raise OutlastError(_no_image(order.name, lower))
            root = await disk.mount(folder, lower)
        else:
            lower = self._prepared()
            await disk.remove(folder)
            root = await disk.mount(folder, lower)
            disk.personalise(root, order)
        disk.authorise(root, order, self._operator)
        made = record.Record(order.name, order.datacenter, str(order.address), lower.name)
        record.write(self._identity, made)
        return root

    async def _until_it_answers(self, name: str) -> None:
        began = time.monotonic()
        while True:
            try:
                await connection.greeted(name, self._login(name), 2.0)
            except Unreachable as error:
                waited = time.monotonic() - began
                if waited >= BOOT_LIMIT or (waited >= START_LIMIT and not self._is_running(name)):
                    raise OutlastError(self._no_boot(name, waited, error.findings[0].why)) from None
                await asyncio.sleep(BOOT_POLL)
            else:
                return

    def _is_running(self, name: str) -> bool:
        machine = self._identity.machine(name)
        return machine in process.running(machine)

    def _no_boot(self, name: str, waited: float, why: str) -> Finding:
        console = self._console(name)
        lines = console.read_text(errors="replace").splitlines()[-15:] if console.exists() else []
        fix = "mend what its console says below, then run the same command again"
        return Finding(name, f"it does not boot, {waited:.0f} s after its start", why, fix, evidence=tuple(lines))


def _no_image(name: str, image_folder: Path) -> Finding:
    return Finding(
        where=name,
        what="its disk cannot be mounted",
        why=f"the image it was made from is no longer in the cache ({image_folder})",
        fix="destroy the site with `outlast down` and bring it up anew; images of living machines must stay",
    )
