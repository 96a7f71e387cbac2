"""What makes no sense about servers that the owner has, although every value does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from outlast.kernel.errors import Finding
from outlast.site.places import Places
from outlast.site.schema import Core, Datacenter, Server
from outlast.site.wording import Path, closest, dotted, listed, shown

SSH = "ssh"
SSH_ONLY = ("network", "floating", "user", "key", "port", "servers")
COMPACT_SERVERS = 3


@dataclass(frozen=True, slots=True)
class Needs:
    """All `pools` that there can be, and those that the site's services live in."""

    pools: tuple[str, ...]
    used: frozenset[str]


def check_servers(core: Core, places: Places, needs: Needs) -> Iterator[Finding]:
    """Every finding about servers, and about keys that only servers have."""
    makers = {name: datacenter.machines for name, datacenter in core.datacenters.items()}
    first = next(iter(makers))
    for name, maker in makers.items():
        if maker != makers[first]:
            where = places.where("datacenters", name, "machines")
            what = f"{shown(name)} has `machines: {maker}` and {shown(first)} has `machines: {makers[first]}`"
            why = "all data centres of a site get their machines from one maker"
            yield Finding(where, what, why, f"write `machines: {makers[first]}`, or make two sites of it")
    for name, datacenter in core.datacenters.items():
        check = _Check(core, places, needs, name, datacenter)
        yield from check.own() if datacenter.machines == SSH else check.foreign()
    yield from _twice(core.datacenters, places)


@dataclass(frozen=True, slots=True)
class _Check:
    """One data centre."""

    core: Core
    places: Places
    needs: Needs
    name: str
    datacenter: Datacenter

    def foreign(self) -> Iterator[Finding]:
        """Keys of servers in a data centre that has none."""
        for key in SSH_ONLY:
            if key in self.datacenter.model_fields_set:
                what = f"{shown(key)} says nothing with `machines: {self.datacenter.machines}`"
                why = "it is about servers that you have"
                yield self._key(what, why, f"remove `{key}`, or write `machines: ssh`", key)

    def own(self) -> Iterator[Finding]:
        """Everything about servers and their addresses."""
        yield from self._missing()
        for number, server in enumerate(self.datacenter.servers):
            yield from self._role(number, server)
        yield from self._pools()
        yield from self._network()

    def _missing(self) -> Iterator[Finding]:
        examples = {
            "network": ("the network that your servers share", "`network: 10.0.0.0/24`"),
            "floating": (
                "what users come to moves between edges",
                "free addresses: `floating: [10.0.0.201, 10.0.0.202]`",
            ),
            "servers": ("Outlast has no other machines there", "`servers: [{ address: 10.0.0.11, pool: edge }, ...]`"),
        }
        for key, (why, example) in examples.items():
            if not getattr(self.datacenter, key):
                yield self._key(f"{dotted(self._path())} lacks {shown(key)}", why, f"add {example}")
        if self.datacenter.pools:
            why = "with `machines: ssh` a pool is as large as the number of servers that name it"
            fix = "remove `pools`, and give as many servers the pool"
            yield self._key("`pools` says the size of pools twice", why, fix, "pools")

    def _role(self, number: int, server: Server) -> Iterator[Finding]:
        path, compact = ("servers", number), self.core.footprint == "compact"
        if server.spare and (server.pool or server.lost):
            other = "pool" if server.pool else "lost"
            why = "a spare waits until it replaces another" if server.pool else "a spare that is gone is none"
            fix = "remove `spare` or `pool`" if server.pool else "remove this server from the list"
            yield self._value(f"{shown(server.address)} is a spare and has `{other}`", why, fix, *path, "spare")
        elif compact and server.pool:
            why = "`footprint: compact` puts every role on each of its servers"
            yield self._value(f"{shown(server.address)} needs no pool", why, "remove `pool`", *path, "pool")
        elif not (server.spare or server.pool or compact):
            why = "nobody can see what it is for"
            choices = listed(f"`pool: {pool}`" for pool in self.needs.pools) if self.needs.pools else "a pool"
            fix = f"add {choices}, or `spare: true`"
            yield self._value(f"{shown(server.address)} has no pool", why, fix, *path)
        elif server.pool and self.needs.pools and server.pool not in self.needs.pools:
            why = f"the pools are {listed(self.needs.pools, 'and')}"
            near = closest(server.pool, self.needs.pools, 0.5)
            fix = f"write `{near or self.needs.pools[0]}`"
            yield self._value(f"there is no pool {shown(server.pool)}", why, fix, *path, "pool")

    def _pools(self) -> Iterator[Finding]:
        servers = self.datacenter.servers
        serving = [server for server in servers if not server.spare]
        spares, lost = len(servers) - len(serving), [server.address for server in serving if server.lost]
        if len(lost) > spares:
            what = f"{listed(map(shown, lost), 'and')} cannot all be replaced"
            why = f"{len(lost)} servers are lost and {spares} are spare"
            yield self._key(
                what, why, "add servers with `spare: true`, or remove what is lost from the list", "servers"
            )
        if not servers:
            return
        if self.core.footprint == "compact":
            if len(serving) < COMPACT_SERVERS:
                why = f"`footprint: compact` needs {COMPACT_SERVERS} of them, so that two are a majority"
                what = f"{dotted(self._path())} has {len(serving)} servers that are no spares"
                yield self._key(what, why, "add servers, or remove `spare`", "servers")
            return
        for pool in sorted(self.needs.used - {server.pool for server in serving}):
            why = f"parts of the site live in the pool {pool} and would have no machine"
            fix = f"add `{{ address: ..., pool: {pool} }}`"
            yield self._key(f"no server has the pool {shown(pool)}", why, fix, "servers")

    def _network(self) -> Iterator[Finding]:
        """Addresses that no machine of the network can have."""
        if self.datacenter.network is None:
            return
        network = IPv4Network(self.datacenter.network)
        for path, address in _held(self.datacenter):
            found = IPv4Address(address)
            if found not in network:
                fix = f"write an address of {network}, or correct `network`"
                yield self._value(f"{shown(address)} is outside the network", f"it is {network}", fix, *path)
            elif found in (network.network_address, network.broadcast_address):
                why = f"it is the first or the last address of {network}, which have a meaning of their own"
                yield self._value(f"{shown(address)} cannot be given to anybody", why, "write another", *path)

    def _path(self, *path: str | int) -> Path:
        return ("datacenters", self.name, *path)

    def _value(self, what: str, why: str, fix: str, *path: str | int) -> Finding:
        return Finding(self.places.where(*self._path(*path)), what, why, fix)

    def _key(self, what: str, why: str, fix: str, *path: str | int) -> Finding:
        return Finding(self.places.key(*self._path(*path)), what, why, fix)


def _twice(datacenters: Mapping[str, Datacenter], places: Places) -> Iterator[Finding]:
    """Addresses that stand in the file more than once."""
    taken: dict[str, Path] = {}
    for name, datacenter in datacenters.items():
        for path, address in _held(datacenter):
            here: Path = ("datacenters", name, *path)
            if address in taken:
                what = f"{shown(address)} is there twice"
                why = f"{dotted(taken[address])} has it already, and an address leads to one machine"
                yield Finding(places.where(*here), what, why, "write another address")
            taken.setdefault(address, here)


def _held(datacenter: Datacenter) -> Iterator[tuple[Path, str]]:
    """Every address of a data centre, with its place in it: first servers, then floating ones."""
    for number, server in enumerate(datacenter.servers):
        yield ("servers", number, "address"), server.address
    for number, address in enumerate(datacenter.floating):
        yield ("floating", number), address
