"""The provider of a controller: machines are made by the vendor, and reached directly.

It breaks nothing, builds nothing and removes no site: that is the operator's, on the computer that has the machines.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from ipaddress import IPv4Network

from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Emit
from outlast.machines.machine import Machine
from outlast.machines.provider import BuildOrder, Fault, Found, Order
from outlast.machines.vendor.doors import Doors
from outlast.machines.vendor.line import Line
from outlast.machines.vendor.words import Create, Destroy, List, Networks, PowerOff


class Vendor:
    """One site's machines. `line` asks the vendor, `doors` lead to the machines."""

    def __init__(self, line: Line, doors: Doors) -> None:
        self._line = line
        self._doors = doors
        self._packages: tuple[str, ...] = ()

    @property
    def faults(self) -> frozenset[Fault]:
        """None: a controller breaks nothing."""
        return frozenset()

    @property
    def abreast(self) -> int | None:
        """Any number: a vendor's machines have processors of their own, and nobody ships a release from here."""
        return None

    async def networks(self, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
        """Those that the vendor was started for."""
        answer = await self._line.ask(Networks(datacenters=tuple(datacenters)))
        if len(answer.networks) != len(datacenters):
            raise _wrong(f"{len(datacenters)} networks were asked for and {len(answer.networks)} came")
        return answer.networks

    async def prepare(self, packages: Sequence[str], emit: Emit) -> None:
        """Remember what machines need. The vendor was prepared where it was started, and refuses to make what it lacks
        packages for: no image is built because a machine of the site asks for one."""
        del emit  # nothing here takes time
        self._packages = tuple(dict.fromkeys(packages))

    async def list(self) -> tuple[Found, ...]:
        """The machines, as the vendor sees them now."""
        machines = (await self._line.ask(List())).machines
        if len({machine.name for machine in machines}) != len(machines):
            raise _wrong("it lists a machine twice")
        self._doors.learn(machines)
        return tuple(machine.found for machine in machines)

    async def create(self, order: Order) -> None:
        """Have it made, or started again; known here when it answers."""
        answer = await self._line.ask(
            Create(name=order.name, datacenter=order.datacenter, address=order.address, packages=self._packages)
        )
        if [(m.name, m.datacenter, m.address) for m in answer.machines] != [
            (order.name, order.datacenter, order.address)
        ]:
            raise _wrong(f"it made something else than {order.name} at {order.address}")
        self._doors.add(answer.machines[0])

    async def destroy(self, name: str) -> None:
        """Have it removed."""
        await self._line.ask(Destroy(name=name))
        self._doors.forget(name)

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """Open a connection to the machine itself: the vendor may be silent."""
        return await self._doors.connect(name, limit=limit)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """A person's way in, to the machine itself."""
        return self._doors.ssh_command(name)

    async def build(self, order: BuildOrder) -> AsyncIterator[str]:
        """Refused: releases are built by `up` and handed over."""
        why = "a controller has neither the sources nor what builds need; it has the releases that `up` built"
        raise OutlastError(Finding(f"release {order.name}", "it is not built here", why, "run `outlast up`"))
        yield ""

    async def power_off(self, name: str) -> None:
        """Have its power taken away: what nobody hears any more is started anew by that."""
        await self._line.ask(PowerOff(name=name))

    async def cut(self, name: str) -> None:
        """Refused."""
        raise _cannot(name)

    async def partition(self, left: Collection[str], right: Collection[str]) -> None:
        """Refused."""
        raise _cannot(*left, *right)

    async def cut_one_way(self, senders: Collection[str], receivers: Collection[str]) -> None:
        """Refused."""
        raise _cannot(*senders, *receivers)

    async def lose(self, name: str, share: float) -> None:
        """Refused."""
        raise _cannot(name, what=f"it does not lose {share:.0%} of its packets")

    async def mend(self, name: str) -> None:
        """Refused: what an operator broke on purpose is mended by the operator."""
        raise _cannot(name)

    async def clear(self) -> None:
        """Refused: the machine that asks would be gone before the last one."""
        why = "a controller heals a site and never removes it"
        raise OutlastError(Finding("site", "it is not removed from here", why, "run `outlast down`"))


def _cannot(*names: str, what: str = "it is not broken on purpose from here") -> OutlastError:
    why, fix = "controllers break nothing, and the vendor has no word for it", "break it with `outlast chaos`"
    return OutlastError(*(Finding(name, what, why, fix) for name in names))


def _wrong(why: str) -> OutlastError:
    fix = "run `outlast up` on the operator's computer, then see again"
    return OutlastError(Finding("vendor", "the vendor's answer cannot be used", why, fix))
