"""How machines that a vendor made are reached: directly by SSH, with the site's key, also while the vendor is silent.

A machine that was made anew has a new host key, which only its maker knows. The vendor says it with every machine, and
it counts before what was handed over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from typing import Protocol

from outlast.kernel.errors import Unreachable
from outlast.machines.machine import Machine, unanswered
from outlast.machines.nspawn.image import SESSIONS
from outlast.machines.nspawn.operator import Operator
from outlast.machines.ssh import connection
from outlast.machines.ssh.login import Login, client
from outlast.machines.vendor.words import Listed
from outlast.seal import durable


class Doors(Protocol):
    """Whoever opens connections to the machines that a vendor lists."""

    def learn(self, machines: Sequence[Listed]) -> None:
        """These are all machines there are."""
        ...

    def add(self, machine: Listed) -> None:
        """This one is there now, as it is said."""
        ...

    def forget(self, name: str) -> None:
        """This one is there no more."""
        ...

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """Open a connection to a machine; `Unreachable` when it gives no answer within `limit` seconds."""
        ...

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """The argv of a person's way in."""
        ...


class Direct:
    """By SSH. `addresses` are those known before the vendor was asked; `pins` is the file for the host keys it says."""

    def __init__(self, operator: Operator, pins: Path, addresses: Mapping[str, IPv4Address]) -> None:
        self._operator = operator
        self._pins = pins
        self._addresses = dict(addresses)
        self._keys: dict[str, str] = {}

    def learn(self, machines: Sequence[Listed]) -> None:
        """Forget all others: who connects to one that is gone is told so at once."""
        self._addresses = {machine.name: machine.address for machine in machines}
        self._pin({machine.name: machine.host_key for machine in machines if machine.host_key})

    def add(self, machine: Listed) -> None:
        """Know this one too."""
        self._addresses[machine.name] = machine.address
        if machine.host_key:
            self._pin({**self._keys, machine.name: machine.host_key})

    def forget(self, name: str) -> None:
        """Know this one no more."""
        self._addresses.pop(name, None)
        self._pin({other: key for other, key in self._keys.items() if other != name})

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        """With the site's key, to the pinned host key."""
        return await connection.connect(name, self.login(name), limit, sessions=SESSIONS)

    def ssh_command(self, name: str) -> tuple[str, ...]:
        """The OpenSSH client, told the same."""
        return client(self.login(name))

    def login(self, name: str) -> Login:
        """Where a machine is logged in to. Raises `Unreachable` when nobody knows it."""
        if name not in self._addresses:
            raise Unreachable(unanswered(name, "the vendor has no such machine"))
        known_hosts = self._pins if name in self._keys else self._operator.known_hosts
        return Login(self._addresses[name], self._operator.opened(), known_hosts)

    def _pin(self, keys: dict[str, str]) -> None:
        if keys != self._keys:
            lines = [f"{self._addresses[name]} {key}\n" for name, key in sorted(keys.items())]
            durable.write(self._pins, "".join(lines).encode())
            self._keys = keys
