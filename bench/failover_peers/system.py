"""What is compared: a database of three machines behind a proxy, and the customer's machine with that proxy."""

from __future__ import annotations

from typing import Protocol

from outlast.machines.provider import Provider


class System(Protocol):
    """One of them. `up` may follow a run that was killed; `down` leaves nothing behind."""

    @property
    def name(self) -> str: ...

    @property
    def provider(self) -> Provider:
        """The lab that holds its machines, to break them."""
        ...

    @property
    def client(self) -> str:
        """The machine with the proxy, where the customer runs."""
        ...

    @property
    def environment(self) -> tuple[str, ...]:
        """Options of `systemd-run` that give the customer its DATABASE_URL."""
        ...

    @property
    def kill(self) -> str:
        """The shell text that ends the database's server process on its machine, by SIGKILL."""
        ...

    @property
    def packages(self) -> tuple[str, ...]:
        """The Debian packages whose versions count."""
        ...

    async def up(self) -> None: ...

    async def settings(self) -> str:
        """What decides how fast it is, as the running system tells it."""
        ...

    async def healthy(self) -> bool:
        """Whether every member is there and replicates."""
        ...

    async def down(self) -> None: ...
