"""Finds the components: the folders of `outlast.components`, and what other distributions register.

A third-party package adds a component with the entry point group `outlast.components`, whose object is a
`Component`. Nobody imports a component by name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.resources import files
from pkgutil import iter_modules

from outlast.contract.component import AnyComponent

PACKAGE = "outlast.components"


@dataclass(frozen=True, slots=True)
class Registered:
    """A component, the documented example of its section, and its alert rules (empty: none)."""

    component: AnyComponent
    example: str


class Registry:
    """The known components by name, in alphabetical order."""

    def __init__(self, registered: tuple[Registered, ...]) -> None:
        self._by_name = {entry.component.name: entry for entry in sorted(registered, key=lambda r: r.component.name)}

    def __iter__(self) -> Iterator[AnyComponent]:
        return (entry.component for entry in self._by_name.values())

    def __getitem__(self, name: str) -> AnyComponent:
        return self._by_name[name].component

    def example(self, name: str) -> str:
        """The documented YAML text of a component's section."""
        return self._by_name[name].example


@cache
def discover() -> Registry:
    """Every component that is installed. Reads package resources only."""
    own = [
        Registered(import_module(f"{PACKAGE}.{found.name}.component").COMPONENT, _example(f"{PACKAGE}.{found.name}"))
        for found in iter_modules(import_module(PACKAGE).__path__)
        if found.ispkg
    ]
    foreign = [
        Registered(point.load(), _example(point.module.rpartition(".")[0] or point.module))
        for point in entry_points(group=PACKAGE)
    ]
    return Registry((*own, *foreign))


def _example(package: str) -> str:
    path = files(package) / "example.yaml"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
