"""The machines of one run: those that its blueprint has, those that their provider sees, and those it is about."""

from __future__ import annotations

from outlast.blueprint.blueprint import Blueprint
from outlast.controller.words import refuse_outdated
from outlast.machines.provider import Found, Power, Provider


class Inventory:
    """`only`: the machines that are brought to the blueprint; None: all of them."""

    def __init__(self, blueprint: Blueprint, only: frozenset[str] | None) -> None:
        self._blueprint = blueprint
        self._only = only
        self._found: dict[str, Found] = {}

    async def take(self, provider: Provider) -> None:
        """Ask which machines there are. Raises `OutlastError` when one was made from an older image."""
        self._found = {machine.name: machine for machine in await provider.list()}
        refuse_outdated(self._found.values(), self._blueprint.bundle_by_machine)

    def found(self, name: str) -> Found | None:
        """The machine as its provider saw it; None when it was not there."""
        return self._found.get(name)

    def is_on(self, name: str) -> bool:
        """Whether its provider saw it running, wherever the blueprint wants it."""
        return name in self._found and self._found[name].power is Power.ON

    def remove(self, name: str) -> None:
        """The machine is gone."""
        self._found.pop(name, None)

    @property
    def touched(self) -> list[str]:
        """The machines that are brought to the blueprint."""
        return [name for name in self._blueprint.bundle_by_machine if self._only is None or name in self._only]

    @property
    def running(self) -> set[str]:
        """The machines of the blueprint that their provider saw running where the blueprint wants them."""
        wanted = self._blueprint.topology.machine_by_name
        on = [found for name, found in self._found.items() if self.is_on(name) and name in wanted]
        return {found.name for found in on if str(found.address) == wanted[found.name].address}

    @property
    def there(self) -> set[str]:
        """The machines that their provider saw, running or not."""
        return set(self._found)

    @property
    def unwanted(self) -> list[str]:
        """The machines that are there and not in the blueprint."""
        return sorted(self.there - self._blueprint.bundle_by_machine.keys())
