"""What one look at a server found, and whether a site may have it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from outlast.kernel.errors import Finding
from outlast.machines.debian import VERSION

# An engine, its caches and the system itself; a server "of 1 GB" shows a little less.
LEAST_MEMORY_MIB = 900
# The packages take 1.2 GiB; the rest is for releases, logs and a first database.
LEAST_ROOM_MIB = 3 * 1024


@dataclass(frozen=True, slots=True)
class Marker:
    """What a server that belongs to a site holds: whose it is, and which machine it is."""

    site: str
    identity: str
    machine: str

    @property
    def text(self) -> str:
        """One line of JSON."""
        return json.dumps({"site": self.site, "identity": self.identity, "machine": self.machine})

    @classmethod
    def of(cls, text: str) -> Marker | None:
        """The marker that `text` holds; None when there is none."""
        if not text:
            return None
        try:
            held = json.loads(text)
            return cls(str(held["site"]), str(held["identity"]), str(held["machine"]))
        except (ValueError, KeyError, TypeError):
            return cls("a site that cannot be read", "", "")


@dataclass(frozen=True, slots=True)
class Survey:
    """One server as its own base system describes it; sizes in MiB, `lookup` in seconds."""

    system: str
    title: str
    is_root: bool
    has_systemd: bool
    memory: int
    room: int
    lookup: float
    identity: str
    addresses: tuple[str, ...]
    marker: Marker | None
    listening: frozenset[int]
    data: tuple[str, ...]


def read(text: str) -> Survey:
    """What the survey's script printed."""
    said = dict(line.split("\t", 1) for line in text.splitlines() if "\t" in line)
    return Survey(
        system=said.get("system", ""),
        title=said.get("title", "no system that it names"),
        is_root=said.get("user") == "0",
        has_systemd=said.get("systemd") == "yes",
        memory=int(said.get("memory") or 0) // 1024,
        room=int(said.get("room") or 0) // 1024,
        lookup=int(said.get("lookup") or 0) / 1000,
        identity=said.get("identity", ""),
        addresses=tuple(said.get("addresses", "").split()),
        marker=Marker.of(said.get("marker", "")),
        listening=frozenset(int(port, 16) for port in said.get("listening", "").split()),
        data=tuple(said.get("data", "").split()),
    )


def refusals(server: str, address: IPv4Address, seen: Survey, site: str, identity: str) -> Iterator[Finding]:
    """Why the site must not have this server. `identity` is the site's own; `server` is what findings call it."""
    if not seen.is_root:
        why = "only root may install packages and start services"
        yield Finding(
            server, "the login is not root, and not by sudo either", why, "let `user` use sudo for everything"
        )
    if seen.system != f"debian {VERSION}":
        why = "all machines of a site have the same engines, those of Debian 13"
        yield Finding(server, f"it runs {seen.title}", why, "install Debian 13 there, or take another server")
    if not seen.has_systemd:
        why = "every part of a site is a service of systemd"
        yield Finding(server, "systemd does not run there", why, "boot it with Debian's own init")
    if seen.marker is not None and seen.marker.identity != identity:
        yield _other_site(server, seen.marker, site)
    elif seen.marker is None and seen.data:
        why = f"{' and '.join(seen.data)} hold data that Outlast did not put there"
        yield Finding(server, "it is in use", why, "move the data away and empty the folder, or take another server")
    if seen.addresses and str(address) not in seen.addresses:
        why = f"it has {', '.join(seen.addresses)}; engines listen at the address in the file"
        yield Finding(server, f"{address} is not its own address", why, "write an address that an interface there has")
    if seen.memory < LEAST_MEMORY_MIB:
        why = f"it has {seen.memory} MiB and a machine of a site needs {LEAST_MEMORY_MIB} MiB"
        yield Finding(server, "it has too little memory", why, "take a larger server")
    # What was installed already is not needed again.
    if seen.marker is None and seen.room < LEAST_ROOM_MIB:
        why = f"/var has {seen.room} MiB free, and {LEAST_ROOM_MIB} MiB are needed"
        yield Finding(server, "its disk is too full", why, "make room there")


def _other_site(server: str, marker: Marker, site: str) -> Finding:
    same = " of another folder, or one whose state was lost" if marker.site == site else ""
    return Finding(
        where=server,
        what=f"it belongs to the site {marker.site}{same}",
        why=f"it is that site's {marker.machine or 'machine'}, and what it holds would be lost",
        fix="bring that site down from its own folder; if nobody has that any more, install the server anew",
    )
