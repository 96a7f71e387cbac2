"""Carries out what is asked of a vendor, with any provider. Knows no connections.

It trusts its askers to want machines and nothing more. Names, addresses and packages must be those of its site, because
a machine of the site may be somebody else's by now, and the provider works as root on this computer.
"""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Address, IPv4Network

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.provider import Order, Provider
from outlast.machines.vendor.words import (
    LIMITS,
    Answer,
    Create,
    Destroy,
    Hello,
    List,
    Listed,
    Networks,
    PowerOff,
    Request,
)

LOG = logging.getLogger(__name__)
# The provider's own: the gateway, and the second for its router.
RESERVED = 2
AGAIN = "mend what the message names, then ask again"
UP = "run `outlast up` on the operator's computer: it tells the vendor what the site is now"


class Service:
    """One site's vendor. `provider` has been told to `prepare` these `packages`; `networks` are those of the site's
    data centres; `host_keys` answers what is known of them by address; `edition` names what it was started for."""

    def __init__(
        self,
        provider: Provider,
        networks: Mapping[str, IPv4Network],
        packages: Collection[str],
        host_keys: Callable[[], Mapping[str, str]],
        edition: str,
    ) -> None:
        self._provider = provider
        self._networks = networks
        self._packages = frozenset(packages)
        self._host_keys = host_keys
        self._edition = edition
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._works: set[asyncio.Task[Answer]] = set()

    async def answer(self, request: Request) -> Answer:
        """Carry it out; whatever goes wrong is in the answer."""
        work = asyncio.create_task(self._limited(request), name=request.verb)
        # Whoever asked may be gone before it is done. What was begun is finished: then it can be asked again.
        self._works.add(work)
        work.add_done_callback(self._works.discard)
        return await asyncio.shield(work)

    async def _limited(self, request: Request) -> Answer:
        began, limit = time.monotonic(), LIMITS[request.verb]
        try:
            async with asyncio.timeout(limit):
                answer = await self._done(request)
        except TimeoutError:
            answer = _failed(request, f"it was not done within {limit:g} s")
        except OutlastError as error:
            answer = Answer(findings=error.findings)
        except Exception as error:  # noqa: BLE001 - the last door: the asker is told, and the next one served
            LOG.error("%s: %s", request, traceback.format_exc())
            answer = _failed(request, f"{type(error).__name__}: {error}")
        if isinstance(request, Create | Destroy | PowerOff):
            why = "; ".join(f"{finding.what}: {finding.why}" for finding in answer.findings)
            LOG.info("%s %s: %s in %.1f s", request.verb, request.name, why or "done", time.monotonic() - began)
        return answer

    async def _done(self, request: Request) -> Answer:
        match request:
            case Hello():
                return Answer(edition=self._edition)
            case List():
                return Answer(machines=await self._listed())
            case Networks(datacenters=names):
                return Answer(networks=tuple(self._network(name) for name in names))
            case Create(name=name):
                async with self._turns[name]:
                    return await self._create(request)
            case Destroy(name=name):
                self._ours(name)
                async with self._turns[name]:
                    await self._provider.destroy(name)
                return Answer()
            case PowerOff(name=name):
                self._ours(name)
                async with self._turns[name]:
                    await self._provider.power_off(name)
                return Answer()

    async def _create(self, request: Create) -> Answer:
        order = Order(request.name, request.datacenter, request.address)
        self._ours(order.name, order.datacenter)
        self._right(order, await self._listed())
        if lacking := set(request.packages) - self._packages:
            why = f"the vendor was started before the site needed {', '.join(sorted(lacking))}"
            raise OutlastError(Finding(order.name, "it cannot be made", why, UP))
        await self._provider.create(order)
        return Answer(machines=tuple(machine for machine in await self._listed() if machine.name == order.name))

    async def _listed(self) -> tuple[Listed, ...]:
        found, keys = await self._provider.list(), self._host_keys()
        return tuple(
            Listed(
                name=machine.name,
                datacenter=machine.datacenter,
                address=machine.address,
                power=machine.power,
                current=machine.current,
                host_key=keys.get(str(machine.address), ""),
            )
            for machine in found
        )

    def _network(self, datacenter: str) -> IPv4Network:
        if datacenter not in self._networks:
            raise OutlastError(Finding(datacenter, "it has no network here", "the site has no such data centre", UP))
        return self._networks[datacenter]

    def _ours(self, name: str, datacenter: str = "") -> None:
        """Refuse what is no name of a machine of this site: other things of it have names of the same kind."""
        homes = [datacenter] if datacenter else list(self._networks)
        if not any(name.startswith(f"{home}-") for home in homes):
            why = f"machines are called after their data centre, which is {' or '.join(homes)}"
            raise OutlastError(Finding(name, "it is no machine of this site", why, UP))

    def _right(self, order: Order, machines: Collection[Listed]) -> None:
        network = self._network(order.datacenter)
        own = {network[0], network[-1], *(network[number] for number in range(1, RESERVED + 1))}
        holder = next((m.name for m in machines if m.address == order.address and m.name != order.name), "")
        if order.address not in network or order.address in own or holder:
            why = f"{holder} has it" if holder else f"{_hosts(network)} are the addresses for machines"
            raise OutlastError(Finding(order.name, f"it cannot have the address {order.address}", why, AGAIN))


def _hosts(network: IPv4Network) -> str:
    first: IPv4Address = network[RESERVED + 1]
    return f"{first} to {network[-2]}"


def _failed(request: Request, why: str) -> Answer:
    where = request.name if isinstance(request, Create | Destroy | PowerOff) else "vendor"
    return Answer(findings=(Finding(where, f"the vendor could not carry out `{request.verb}`", why, AGAIN),))
