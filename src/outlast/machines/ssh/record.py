"""What a site remembers of its servers, in its own folder: who it is, which machine is where, and their host keys."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import asyncssh

from outlast.kernel.errors import Unreachable
from outlast.machines.machine import unanswered
from outlast.machines.ssh.login import Login, pinned


@dataclass(frozen=True, slots=True)
class Server:
    """One server that the owner has, and how it is logged in to. `lost`: the owner says that it is gone."""

    datacenter: str
    address: IPv4Address
    user: str
    key: Path
    port: int
    spare: bool = False
    lost: bool = False

    @property
    def where(self) -> str:
        """What findings call it while it is no machine."""
        return f"server {self.address}"


class Record:
    """The folder `ssh` of the site's state. Every change is one atomic rename."""

    def __init__(self, state: Path) -> None:
        self._folder = state / "ssh"
        self._file = self._folder / "servers.json"
        self.known_hosts = self._folder / "known_hosts"

    @property
    def identity(self) -> str:
        """What tells this site from others of its name: random, made once. Empty while the site has no server."""
        return str(self._read().get("identity", ""))

    def machines(self) -> dict[str, Server]:
        """The server that each machine is on, by the machine's name."""
        return {name: _server(held) for name, held in sorted(self._read().get("machines", {}).items())}

    def claim(self) -> str:
        """The identity, made now when there is none."""
        held = self._read()
        if "identity" not in held:
            self._write({**held, "identity": secrets.token_hex(8)})
        return self.identity

    def packages(self, name: str) -> frozenset[str]:
        """The packages that were brought to a machine."""
        return frozenset(self._read().get("packages", {}).get(name, ()))

    def keep(self, name: str, server: Server, packages: Iterable[str]) -> None:
        """Remember that a machine is on this server and has these packages: the last step of its making."""
        held = self._read()
        plain = {**asdict(server), "address": str(server.address), "key": str(server.key)}
        machines = {**held.get("machines", {}), name: plain}
        self._write({**held, "machines": machines, "packages": {**held.get("packages", {}), name: sorted(packages)}})

    def forget(self, name: str) -> None:
        """Remember a machine no more."""
        held = self._read()
        for part in ("machines", "packages"):
            held.get(part, {}).pop(name, None)
        self._write(held)

    def login(self, server: Server) -> Login:
        """How a server is logged in to; its host key must be the one that was pinned."""
        return Login(server.address, server.key, self.known_hosts, server.user, server.port)

    def is_pinned(self, server: Server) -> bool:
        """Whether its host key is known."""
        lines = self.known_hosts.read_text().splitlines() if self.known_hosts.exists() else []
        return any(line.startswith(f"{pinned(server.address, server.port)} ") for line in lines)

    def pin(self, server: Server, key: asyncssh.SSHKey) -> None:
        """Trust this host key from now on."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        line = f"{pinned(server.address, server.port)} {key.export_public_key().decode().strip()}\n"
        before = self.known_hosts.read_text() if self.known_hosts.exists() else ""
        temporary = self.known_hosts.with_suffix(".new")
        temporary.write_text(before + line)
        temporary.replace(self.known_hosts)

    def _read(self) -> dict[str, Any]:
        return json.loads(self._file.read_text()) if self._file.exists() else {}

    def _write(self, held: dict[str, Any]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = self._file.with_suffix(".new")
        temporary.write_text(json.dumps(held, indent=1))
        temporary.replace(self._file)


async def host_key(server: Server, limit: float) -> asyncssh.SSHKey:
    """The key that answers at the server's address now. Raises `Unreachable`."""
    try:
        async with asyncio.timeout(limit):
            found = await asyncssh.get_server_host_key(str(server.address), server.port, config=None)
    except TimeoutError:
        raise Unreachable(unanswered(server.where, f"no answer within {limit:g} s")) from None
    except (asyncssh.Error, OSError) as error:
        raise Unreachable(unanswered(server.where, str(error) or type(error).__name__)) from None
    if found is None:
        raise Unreachable(unanswered(server.where, "it shows no host key"))
    return found


def _server(held: dict[str, Any]) -> Server:
    values: dict[str, Any] = {**held, "address": IPv4Address(held["address"]), "key": Path(held["key"])}
    return Server(**values)
