"""The simulation as a provider of machines: one folder below the site's own holds all of it.

What is sent to real machines is sent to these: the lander's very text runs against each machine's own files. A service
starts at once, and its engine behaves as its component's model says. See docs/decisions.
"""

from __future__ import annotations

import hashlib
import io
import random
import shutil
import tarfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from outlast.contract.model import Model
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit
from outlast.machines.machine import Machine, unanswered
from outlast.machines.provider import LEFT_OUT, BuildOrder, Fault, Found, Order, Power
from outlast.machines.sim import sandbox
from outlast.machines.sim.disk import Disk, Held
from outlast.machines.sim.machine import SimMachine
from outlast.machines.sim.world import World

# 10.0.0.0/8, but never the networks that other providers prefer: nothing is sent there anyway.
NETWORKS = 200


class Sim:
    """Simulated machines. `state` is the site's own folder, `models` are the engines by their components.

    `clock` tells seconds; one that does not stand still between two processes is needed where machines outlive one.
    """

    def __init__(
        self,
        site: str,
        state: Path,
        models: Mapping[str, Model],
        *,
        clock: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self._site = site
        self._disk = Disk(state / "sim")
        self._world = World(self._disk, models, clock, chance or random.Random(site))

    @property
    def faults(self) -> frozenset[Fault]:
        """Everything that there is."""
        return frozenset(Fault)

    @property
    def abreast(self) -> int | None:
        """Any number: none of them works."""
        return None

    async def networks(self, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
        """A /24 for each data centre: addresses, and nothing behind them."""
        claimed = self._disk.networks()
        for datacenter in datacenters:
            if datacenter not in claimed:
                claimed[datacenter] = _free(f"{self._site}/{datacenter}", set(claimed.values()))
        if claimed != self._disk.networks():
            self._disk.claim(claimed)
        return tuple(IPv4Network(claimed[datacenter]) for datacenter in datacenters)

    async def prepare(self, packages: Sequence[str], emit: Emit) -> None:
        """Nothing: engines are models."""

    async def list(self) -> tuple[Found, ...]:
        """The machines that were made to the end."""
        return tuple(
            Found(held.name, held.datacenter, IPv4Address(held.address), self._power(held.name), current=True)
            for held in self._disk.every()
        )

    async def create(self, order: Order) -> None:
        """Make a machine's folder, or switch on the machine that is there."""
        held = self._disk.held(order.name)
        if held is None or held.going:
            self._disk.forget(order.name)
            self._disk.root(order.name).mkdir(parents=True)
            self._disk.hold(Held(order.name, order.datacenter, str(order.address)))
        if self._power(order.name) is Power.OFF:
            # What was in memory went with the power.
            _empty(self._disk.root(order.name) / "run")
            self._world.systemd(order.name).boot()
            self._world.live()

    async def destroy(self, name: str) -> None:
        """Remove a machine's folder."""
        if held := self._disk.held(name):
            # Seen in the list until everything is gone, but never started again.
            self._disk.hold(replace(held, going=True))
            await self.power_off(name)
        self._disk.forget(name)
        await self.mend(name)

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """A connection, at once or never: a simulated machine that is silent is silent without a wait."""
        held = self._disk.held(name)
        if held is None or held.going:
            raise Unreachable(unanswered(name, "the simulation has no such machine"))
        broken = self._disk.breakage()
        if self._power(name) is Power.OFF or name in broken.cut or broken.loss(name) >= 1:
            raise Unreachable(unanswered(name, f"no answer from {held.address} within {limit:g} s"))
        return SimMachine(name, self._world)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """A shell that sees the machine's disk."""
        if self._disk.held(name) is None:
            raise Unreachable(unanswered(name, "the simulation has no such machine"))
        return tuple(sandbox.inside(self._disk.root(name), ["sh"]))

    async def build(self, order: BuildOrder) -> AsyncIterator[str]:
        """The source as it is becomes the release: the script is not run."""
        yield "simulated: the source is the release, and nothing is built"
        temporary = order.target.with_name(f".{order.target.name}.new")
        with tarfile.open(temporary, "w:gz") as tar:
            for path in sorted(order.source.rglob("*")):
                if not LEFT_OUT & set(path.relative_to(order.source).parts) and path.is_file():
                    _add(tar, path, str(path.relative_to(order.source)))
        temporary.replace(order.target)

    async def power_off(self, name: str) -> None:
        """End every process and forget what was in memory; the disk stays as it is."""
        self._disk.power(name).unlink(missing_ok=True)
        self._world.live()

    async def cut(self, name: str) -> None:
        """The machine's packets vanish in both directions."""
        self._known(name)
        self._disk.breaks(self._disk.breakage().cutting(name))

    async def partition(self, left: Collection[str], right: Collection[str]) -> None:
        """No packet gets from one set to the other."""
        self._known(*left, *right)
        self._disk.breaks(self._disk.breakage().parted(left, right))

    async def cut_one_way(self, senders: Collection[str], receivers: Collection[str]) -> None:
        """No packet of a sender gets to a receiver."""
        self._known(*senders, *receivers)
        self._disk.breaks(self._disk.breakage().one_way(senders, receivers))

    async def lose(self, name: str, share: float) -> None:
        """This share of the machine's packets vanishes, by the chance that was given."""
        self._known(name)
        self._disk.breaks(self._disk.breakage().losing(name, share))

    async def mend(self, name: str) -> None:
        """The machine's network is whole again."""
        if self._disk.breakage() != (mended := self._disk.breakage().mended(name)):
            self._disk.breaks(mended)

    async def clear(self) -> None:
        """Remove the folder."""
        if self._disk.folder.exists():
            shutil.rmtree(self._disk.folder)

    def _power(self, name: str) -> Power:
        return Power.ON if self._disk.power(name).exists() else Power.OFF

    def _known(self, *names: str) -> None:
        missing = sorted(name for name in names if self._disk.held(name) is None)
        if missing:
            why, fix = f"the simulation has no machine {', '.join(missing)}", "see `outlast status` for their names"
            raise OutlastError(Finding(missing[0], "it cannot be broken", why, fix))


def _free(name: str, used: set[str]) -> str:
    """A network that follows from the name, unless somebody has it."""
    first = int(hashlib.sha256(name.encode()).hexdigest()[:8], 16)
    choices = (divmod((first + step) % (40 * 256), 256) for step in range(40 * 256))
    return next(n for n in (f"10.{NETWORKS + high}.{low}.0/24" for high, low in choices) if n not in used)


def _empty(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> None:
    content = path.read_bytes()
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), 0o755 if path.stat().st_mode & 0o100 else 0o644
    tar.addfile(info, io.BytesIO(content))
