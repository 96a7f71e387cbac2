"""Places members on machines: a pure function of the site and the parent topology.

Growth moves nothing needlessly: machines keep their addresses, members their machines, services their ports.
Which component goes where is said by the components' placements; none is named here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

from outlast.contract.component import AnyComponent, Beside, InPool
from outlast.contract.interface import Provided
from outlast.contract.registry import Registry
from outlast.kernel.names import machine_name, member_name
from outlast.site.schema import Site, Wish
from outlast.topology.address import assign, assign_floating
from outlast.topology.servers import floating_homes, on_servers
from outlast.topology.sizes import Sizes
from outlast.topology.topology import FloatingAddress, Ground, Machine, Member, Topology

COMPACT_POOL = "node"
COMPACT_SIZE = 3
CHOSEN_PORTS = range(20000, 28000)


def place(
    site: Site, registry: Registry, grounds: Sequence[Ground], parent: Topology | None, sizes: Sizes | None = None
) -> Topology:
    """The topology of `site` on these networks, with as many members of what scales as `sizes` says.

    Raises `Invalid` when a network is full.
    """
    plan = _Plan(site, registry, parent, sizes or {})
    machines: list[Machine] = []
    members: list[Member] = []
    floating: list[FloatingAddress] = []
    for ground in grounds:
        placed = plan.machines(ground)
        seated = plan.members(ground.datacenter, placed)
        machines += placed
        members += seated
        floating += plan.floating(ground, placed, seated)
    return Topology(site.site, site.domain, tuple(grounds), tuple(machines), tuple(members), tuple(floating))


@dataclass(frozen=True)
class _Plan:
    """The inputs of one placement, and the three steps that use them."""

    site: Site
    registry: Registry
    parent: Topology | None
    sizes: Sizes

    def machines(self, ground: Ground) -> list[Machine]:
        datacenter = self.site.datacenters[ground.datacenter]
        sizes = self._pool_sizes(ground.datacenter)
        if datacenter.servers:
            before = [m for m in self.parent.machines if m.datacenter == ground.datacenter] if self.parent else []
            single = self.site.footprint == "compact"
            return on_servers(ground.datacenter, sorted(sizes), datacenter.servers, before, single=single)
        names = [
            (pool, machine_name(ground.datacenter, pool, index))
            for pool, size in sorted(sizes.items())
            for index in range(1, size + 1)
        ]
        held = {m.name: m.address for m in self.parent.machines} if self.parent else {}
        floating = [f.address for f in self.parent.floating] if self.parent else []
        addresses = assign(ground.network, [name for _, name in names], held, taken=floating)
        return [Machine(name, ground.datacenter, pool, addresses[name]) for pool, name in names]

    def members(self, datacenter: str, machines: list[Machine]) -> list[Member]:
        seated: list[Member] = []
        load = {machine.name: 0 for machine in machines}
        wanted = [(*entry, *self._wanted(datacenter, machines, *entry)) for entry in self._pooled()]
        # Whoever stays is counted before anybody new looks for the emptiest machine.
        for *_, names, pool in wanted:
            for home in self._held(names, pool).values():
                load[home] += 1
        for wish, component, _, names, pool in wanted:
            # A pool that is too small leaves the last members without a home: the audit says so.
            homes = self._homes(names, pool, load)
            for index, (name, home) in enumerate(zip(names, homes, strict=True), 1):
                if home is not None:
                    seated.append(self._member(name, wish, component, datacenter, home, index))
        for wish, component, interface in self._beside():
            homes = self._wanted_on(interface, seated)
            for index, home in self._indexed(datacenter, label(wish, component), homes):
                name = member_name(datacenter, label(wish, component), index)
                seated.append(self._member(name, wish, component, datacenter, home, index))
        return seated

    def floating(self, ground: Ground, machines: list[Machine], members: list[Member]) -> list[FloatingAddress]:
        homes = {member.machine for member in members if self.registry[member.component].floats}
        names = [machine.name for machine in machines if machine.name in homes]
        held = {f.home: f.address for f in self.parent.floating} if self.parent else {}
        if given := self.site.datacenters[ground.datacenter].floating:
            pairs = floating_homes(given, names, held)
            return [FloatingAddress(address, ground.datacenter, home) for address, home in pairs]
        addresses = assign_floating(ground.network, names, held, taken=[machine.address for machine in machines])
        return [FloatingAddress(addresses[name], ground.datacenter, name) for name in names]

    def _pooled(self) -> list[tuple[Wish, AnyComponent, InPool[Any]]]:
        pairs = [(wish, self.registry[wish.component]) for wish in self.site.wishes]
        return [(w, c, c.placement) for w, c in pairs if isinstance(c.placement, InPool)]

    def _beside(self) -> list[tuple[Wish, AnyComponent, str]]:
        pairs = [(wish, self.registry[wish.component]) for wish in self.site.wishes]
        return [(w, c, c.placement.interface) for w, c in pairs if isinstance(c.placement, Beside)]

    def _pool(self, placement: InPool[Any]) -> str:
        return COMPACT_POOL if self.site.footprint == "compact" else placement.pool

    def _pool_sizes(self, name: str) -> dict[str, int]:
        if self.site.footprint == "compact":
            return {COMPACT_POOL: COMPACT_SIZE}
        sizes: dict[str, int] = {}
        for wish, _, placement in self._pooled():
            asked = max(placement.size, self._count(name, wish, placement) or 0)
            sizes[placement.pool] = max(sizes.get(placement.pool, 0), asked)
        # What scales may need more machines of a kind than the owner says there are at first.
        said, grown = self.site.datacenters[name].pools, self._grown(name)
        return {pool: max(said.get(pool, size), grown.get(pool, 0)) for pool, size in sizes.items()}

    def _grown(self, datacenter: str) -> dict[str, int]:
        """The most members that scaling asks for, by pool."""
        grown: dict[str, int] = {}
        for wish, _, placement in self._pooled():
            grown[placement.pool] = max(grown.get(placement.pool, 0), self.sizes.get((datacenter, wish.name), 0))
        return grown

    def _count(self, datacenter: str, wish: Wish, placement: InPool[Any]) -> int | None:
        return self.sizes.get((datacenter, wish.name), placement.wanted(wish.options))

    def _wanted(
        self, datacenter: str, machines: list[Machine], wish: Wish, component: AnyComponent, placement: InPool[Any]
    ) -> tuple[list[str], list[str]]:
        """The names of a wish's members, by index, and the machines that they may have."""
        pool = [machine.name for machine in machines if machine.pool == self._pool(placement)]
        count = self._count(datacenter, wish, placement)
        size = len(pool) if count is None else count
        return [member_name(datacenter, label(wish, component), index) for index in range(1, size + 1)], pool

    def _held(self, names: list[str], pool: list[str]) -> dict[str, str]:
        """The machines of the members that stay where they are."""
        before = self.parent.member_by_name if self.parent else {}
        return {name: before[name].machine for name in names if name in before and before[name].machine in pool}

    def _homes(self, names: list[str], pool: list[str], load: dict[str, int]) -> list[str | None]:
        """A machine for each member, no two alike: the one it had, otherwise the emptiest that is left, if any.

        New seats are added to `load`.
        """
        held = self._held(names, pool)
        used = set(held.values())
        free = iter(sorted((name for name in pool if name not in used), key=lambda name: load[name]))
        homes: list[str | None] = []
        for name in names:
            home = held.get(name) or next(free, None)
            if home is not None and name not in held:
                load[home] += 1
            homes.append(home)
        return homes

    def _wanted_on(self, interface: str, seated: list[Member]) -> list[str]:
        """The machines with a member that requires `interface`, each once, in the order of the members."""
        consumers = {
            wish.name
            for wish in self.site.wishes
            if any(need.interface == interface for need in self.registry[wish.component].requires(wish.options))
        }
        return list(dict.fromkeys(member.machine for member in seated if member.service in consumers))

    def _indexed(self, datacenter: str, name: str, homes: list[str]) -> list[tuple[int, str]]:
        """Indexes for members beside others: a machine keeps the index it had; new ones take the lowest free."""
        before = self.parent.members if self.parent else ()
        held = {m.machine: m.index for m in before if m.name == member_name(datacenter, name, m.index)}
        kept = {home: held[home] for home in homes if home in held}
        taken = set(kept.values())
        free = (index for index in range(1, len(homes) + len(kept) + 1) if index not in taken)
        return sorted((kept[home] if home in kept else next(free), home) for home in homes)

    def _member(
        self, name: str, wish: Wish, component: AnyComponent, datacenter: str, machine: str, index: int
    ) -> Member:
        ports = tuple(
            (
                provided.interface,
                self._chosen_ports[wish.name, provided.interface] if provided.port is None else provided.port,
            )
            for provided in component.provides(wish.options, index)
        )
        return Member(name, wish.name, component.name, datacenter, machine, index, ports)

    @cached_property
    def _chosen_ports(self) -> dict[tuple[str, str], int]:
        """A port for each interface of a service that does not say one: the one it had, otherwise one that the
        service's name gives."""
        members = self.parent.members if self.parent else ()
        before = {(m.service, interface): port for m in members for interface, port in m.ports if port in CHOSEN_PORTS}
        wanted = [(name, p.interface) for name, p in self._provided() if p.port is None]
        chosen = {key: before[key] for key in wanted if key in before}
        taken = {*chosen.values(), *(p.port for _, p in self._provided() if p.port is not None)}
        for service, interface in sorted(key for key in wanted if key not in chosen):
            offset = crc32(service.encode())
            port = next(p for step in range(len(CHOSEN_PORTS)) if (p := _chosen(offset + step)) not in taken)
            chosen[service, interface] = port
            taken.add(port)
        return chosen

    def _provided(self) -> list[tuple[str, Provided]]:
        """What the first member of each service provides."""
        wishes = self.site.wishes
        return [(w.name, p) for w in wishes for p in self.registry[w.component].provides(w.options, 1)]


def _chosen(offset: int) -> int:
    return CHOSEN_PORTS[offset % len(CHOSEN_PORTS)]


def label(wish: Wish, component: AnyComponent) -> str:
    """What members of a wish are called: by the app's name in a section of many, else by the engine's."""
    return wish.name if component.claim.many else component.name
