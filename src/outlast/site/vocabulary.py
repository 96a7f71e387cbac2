"""All the keys that a site file knows, and where each belongs: for whoever wrote one in the wrong place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from outlast.site.section import Section
from outlast.site.shape import Shape
from outlast.site.wording import Path, closest, dotted

ANY_NAME = "<name>"


@dataclass(frozen=True, slots=True)
class Home:
    """A mapping of the file, and the engine that it must have."""

    path: Path
    engine: str | None = None


@dataclass(frozen=True)
class Vocabulary:
    """`homes`: for each key, the mappings that know it. `engines`: names of engines and components that somebody
    may write instead of the section's own key."""

    homes: Mapping[str, tuple[Home, ...]]
    engines: Mapping[str, str]

    @classmethod
    def of(cls, core: Shape, sections: Mapping[str, tuple[Section, ...]]) -> Vocabulary:
        """Collects the keys of the core and of every section."""
        found = [(path, Home(path[:-1])) for path, _ in core.walk()]
        engines: dict[str, str] = {}
        for key, group in sections.items():
            found.append(((key,), Home(())))
            for section in group:
                prefix: Path = (key, ANY_NAME) if section.many else (key,)
                paths = [(*prefix, *path) for path, _ in Shape.of(section.options).walk()]
                found += [(path, Home(path[:-1], section.engine)) for path in paths]
                if section.engine:
                    engines[section.engine] = key
                    found.append(((*prefix, "engine"), Home(prefix)))
                if section.component not in sections:
                    engines.setdefault(section.component, key)
        homes: dict[str, dict[Home, None]] = {}
        for path, home in found:
            homes.setdefault(str(path[-1]), {})[home] = None
        return cls({key: tuple(places) for key, places in homes.items() if key != ANY_NAME}, engines)

    def advice(self, key: str, parent: Path, known: tuple[str, ...]) -> tuple[str | None, str | None]:
        """(where the key belongs, what to do), for a key that the mapping at `parent` does not know."""
        if near := closest(key, known, 0.8):
            return None, f"write `{near}`"
        if not parent and key in self.engines:
            return None, f"write `{self.engines[key]}:` instead, which {key} serves"
        if home := self._home(key, parent):
            place = _belongs(home.path, parent)
            if place == dotted(parent):
                return f"`engine: {home.engine}`", f"remove it, or write `engine: {home.engine}`"
            return place, f"move it to {place}"
        if near := closest(key, known, 0.6):
            return None, f"did you mean `{near}`?"
        return None, None

    def _home(self, key: str, parent: Path) -> Home | None:
        """The nearest mapping that knows the key; none when it is a common word of distant ones."""
        homes = self.homes.get(key, ())
        nearest = max(homes, key=lambda home: _shared(home.path, parent), default=None)
        if nearest is None or len(homes) == 1 or not nearest.path or _shared(nearest.path, parent):
            return nearest
        return None


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
