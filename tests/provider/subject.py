"""A provider under test, and what only its own world can tell: whether datagrams get from one machine to another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from outlast.machines.provider import Order, Provider

DATACENTER = "east"


class Subject(Protocol):
    """One provider, with a new one over the same state whenever it is asked: as another command would have it."""

    @property
    def home(self) -> Path: ...

    async def start(self) -> None:
        """Whatever must run before there is a provider."""
        ...

    async def clear(self) -> None:
        """Remove everything of it."""
        ...

    def provider(self) -> Provider: ...

    async def heard(self, sender: str, receiver: str, datagrams: int = 1) -> int:
        """How many of so many datagrams from one machine arrive at the other."""
        ...

    def traces(self) -> Sequence[str]:
        """Whatever there is of it on this box, but for the site's own folder."""
        ...


async def order(provider: Provider, number: int) -> Order:
    """The order of one machine."""
    (network,) = await provider.networks([DATACENTER])
    return Order(f"east-app-{number}", DATACENTER, network[10 + number])
