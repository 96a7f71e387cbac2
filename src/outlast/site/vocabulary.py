"""All the keys that a site file knows, and where each belongs: for whoever wrote one in the wrong place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from outlast.site.section import Section
from outlast.site.shape import Shape
from outlast.site.wording import Path, closest, dotted

ANY_NAME = "<name>"


@dataclass(frozen=True)
class Vocabulary:
    """`homes`: for each key, the paths of the mappings that know it. `engines`: names of engines and components
    that somebody may write instead of the section's own key."""

    top: tuple[str, ...]
    homes: Mapping[str, tuple[Path, ...]]
    engines: Mapping[str, str]

    @classmethod
    def of(cls, core: Shape, sections: Mapping[str, tuple[Section, ...]]) -> Vocabulary:
        """Collects the keys of the core and of every section."""
        homes: dict[str, dict[Path, None]] = {}
        paths = [path for path, _ in core.walk()]
        engines: dict[str, str] = {}
        for key, group in sections.items():
            paths.append((key,))
            for section in group:
                prefix: Path = (key, ANY_NAME) if section.many else (key,)
                paths += [(*prefix, *path) for path, _ in Shape.of(section.options).walk()]
                if section.engine:
                    engines[section.engine] = key
                    paths.append((*prefix, "engine"))
                if section.component not in sections:
                    engines.setdefault(section.component, key)
        for path in paths:
            homes.setdefault(str(path[-1]), {})[path[:-1]] = None
        top = tuple(str(path[0]) for path in paths if len(path) == 1)
        return cls(top, {key: tuple(found) for key, found in homes.items() if key != ANY_NAME}, engines)

    def advice(self, key: str, parent: Path, known: tuple[str, ...]) -> tuple[str | None, str | None]:
        """(where the key belongs, what to do), for a key that the mapping at `parent` does not know."""
        if near := closest(key, known, 0.8):
            return None, f"write `{near}`"
        if not parent and key in self.engines:
            return None, f"write `{self.engines[key]}:` instead, which {key} serves"
        if homes := self.homes.get(key):
            nearest = max(homes, key=lambda home: _shared(home, parent))
            return _belongs(nearest, parent), f"move it to {_belongs(nearest, parent)}"
        if near := closest(key, known, 0.6):
            return None, f"did you mean `{near}`?"
        return None, None


def _shared(home: Path, parent: Path) -> int:
    same = 0
    while same < min(len(home), len(parent)) and home[same] in (parent[same], ANY_NAME):
        same += 1
    return same


def _belongs(home: Path, parent: Path) -> str:
    if not home:
        return "the top level"
    same = _shared(home, parent)
    return dotted((*parent[:same], *home[same:]))
