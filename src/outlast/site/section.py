"""A top-level section of the site file that belongs to a component.

The schema knows the core keys only. Whoever adds a component brings a `Section`; nothing here changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Section:
    """What the loader must know of one component.

    `options` is a frozen model that forbids extra keys. `many`: the section maps names to options. `engine`:
    several sections share `key` and differ by its `engine:`, the first of them being the default; the loader
    takes that key away before the options see it. `default`: present with default options although the file
    says nothing. `example`: the documented YAML text, beginning with the section's own key. `pool`: the pool
    of machines its members live in, if they have one of their own. `presets`: options, as the file would say them, for
    each value of `recovery` that differs from the defaults.
    """

    key: str
    component: str
    options: type[BaseModel]
    many: bool = False
    engine: str | None = None
    default: bool = False
    example: str = ""
    pool: str | None = None
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])

    def __post_init__(self) -> None:
        if self.many and self.default:
            raise ValueError(f"section {self.key}: a section of many names cannot be present by default")


def by_key(sections: Iterable[Section]) -> dict[str, tuple[Section, ...]]:
    """The sections of each top-level key, one for each engine, in the order they were registered."""
    found: dict[str, tuple[Section, ...]] = {}
    for section in sections:
        found[section.key] = (*found.get(section.key, ()), section)
    return found
