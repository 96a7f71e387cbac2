"""What a maker of machines is: it lists, creates and destroys them, and can break some of them on purpose.

After creation there is one code path for every machine: `connect`. A provider must never know what a
machine is for.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Protocol, runtime_checkable

from outlast.kernel.events import Emit
from outlast.machines.machine import Machine

LEFT_OUT = frozenset({".git", ".outlast", ".venv", "__pycache__", "node_modules"})
"""Folders of a source that never go into a build: made by tools, and made anew by the build."""


class Power(StrEnum):
    """Whether the provider sees a machine running. Says nothing about what runs on it."""

    ON = "on"
    OFF = "off"


class Fault(StrEnum):
    """What a provider can do to machines on purpose."""

    POWER_OFF = "power-off"
    CUT = "cut"
    PARTITION = "partition"
    CUT_ONE_WAY = "cut-one-way"
    LOSS = "loss"


@dataclass(frozen=True, slots=True)
class Order:
    """A machine that is wanted: `name` is unique within the site, `address` lies in the data centre's network."""

    name: str
    datacenter: str
    address: IPv4Address


@dataclass(frozen=True, slots=True)
class Found:
    """A machine that exists. `current` is False when it lacks packages that `prepare` was told; `renewed` when it was
    made from another image than new ones are."""

    name: str
    datacenter: str
    address: IPv4Address
    power: Power
    current: bool
    renewed: bool = True


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """A release that is wanted: `source` is copied to `path` in a clean machine, `script` (shell text) runs there
    in it with `environment`, and the folder as it is then becomes the gzipped tar file `target` (members relative
    to `path`), put there by one atomic rename. `everywhere`: the release is the same for every site, by the name of
    `target`. `bring` makes the folder `source` first, for a source that is no folder; who orders the build calls it."""

    name: str
    source: Path
    path: str
    script: str
    environment: tuple[tuple[str, str], ...]
    target: Path
    limit: float = 900.0
    everywhere: bool = False
    bring: Callable[[Path], None] | None = None


class Provider(Protocol):
    """Makes the machines of one site. Every call may be repeated; a call killed at any instant can be run again."""

    @property
    def faults(self) -> frozenset[Fault]:
        """What this provider can inflict."""
        ...

    @property
    def abreast(self) -> int | None:
        """How many of its machines may be kept busy at once and the others do not feel it; None: they share nothing."""
        ...

    async def networks(self, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
        """One network for each data centre, in their order: the same ones at each call while the site exists.

        The first host address of each is the provider's own (its gateway).
        """
        ...

    async def prepare(self, packages: Sequence[str], emit: Emit) -> None:
        """Make ready what `create` needs for machines with these Debian packages (an image, say). Cached."""
        ...

    async def list(self) -> tuple[Found, ...]:
        """The machines of this site that exist, running or not."""
        ...

    async def create(self, order: Order) -> None:
        """Make the machine, or start it again when it exists; returns once it answers over SSH."""
        ...

    async def destroy(self, name: str) -> None:
        """Remove the machine and all it holds. Removing what does not exist is no error."""
        ...

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """Open a connection to a machine; `Unreachable` when it gives no answer within `limit` seconds."""
        ...

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """The argv of the OpenSSH client that opens a session there, for a person's terminal.

        It works while this process and this provider live: the key it names may lie in their memory only.
        """
        ...

    def build(self, order: BuildOrder) -> AsyncIterator[str]:
        """Build a release, yielding its output by lines. Raises `OutlastError` with the last ones when it fails."""
        ...

    async def power_off(self, name: str) -> None:
        """Take the power away: packets vanish first, then every process at once. Nothing is flushed."""
        ...

    async def cut(self, name: str) -> None:
        """Cut the machine off: its packets vanish in both directions, it runs on."""
        ...

    async def partition(self, left: Collection[str], right: Collection[str]) -> None:
        """No packet gets from a machine of one set to a machine of the other. Both still reach everybody else."""
        ...

    async def cut_one_way(self, senders: Collection[str], receivers: Collection[str]) -> None:
        """Packets of the senders no longer get to the receivers; those of the receivers get to the senders."""
        ...

    async def lose(self, name: str, share: float) -> None:
        """This share (0 to 1) of a machine's packets, in and out, vanishes by chance. Replaces an earlier share."""
        ...

    async def mend(self, name: str) -> None:
        """Undo whatever is broken in the network of this machine: its cut, its loss, and every partition and one-way
        cut as far as it names the machine. Its power stays as it is."""
        ...

    async def clear(self) -> None:
        """Remove every machine, network and file of this site. The image cache stays."""
        ...


@runtime_checkable
class Renewing(Protocol):
    """A provider that makes its machines from an image, which grows old."""

    async def renew(self, packages: Sequence[str], emit: Emit, *, anyway: bool) -> bool:
        """Make an image with the newest of these packages, from which this site's machines are made from now on.

        False when nothing in it is newer, and nothing has changed then; `anyway`: take it all the same. The image of
        before is kept.
        """
        ...

    async def revert(self) -> bool:
        """Make this site's machines from the image of before again, once; False when there is none."""
        ...
