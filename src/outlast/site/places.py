"""Where each value of a site file stands, so that every finding can point at it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from outlast.site.wording import Path

_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a text, counted from 1 as editors do."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands and where its key does; `written` is the text of an unquoted scalar."""

    key: Position
    value: Position
    written: str | None = None


class Lines:
    """Keeps positions inside the text: a parser may point one line past its end."""

    def __init__(self, text: str) -> None:
        self._lengths = [len(line) for line in _LINE_END.split(text)]
        if len(self._lengths) > 1 and self._lengths[-1] == 0:
            self._lengths.pop()

    def position(self, line: int, column: int) -> Position:
        """The place at `line` and `column`, both counted from 0."""
        if line >= len(self._lengths):
            return Position(len(self._lengths), self._lengths[-1] + 1)
        return Position(line + 1, min(column, self._lengths[line]) + 1)

    def after(self, beginning: str) -> Position:
        """The place right after `beginning`, which the text starts with."""
        *before, last = _LINE_END.split(beginning)
        return self.position(len(before), len(last))


@dataclass(frozen=True, slots=True)
class Places:
    """The spots of one file by their paths, such as ("apps", "web", "source")."""

    file: str
    spots: Mapping[Path, Spot]

    def where(self, *path: str | int) -> str:
        """`file:line:column` of the value at `path`, or else of the nearest key above it that the file has."""
        return self.show(self.spots[path].value) if path in self.spots else self.key(*path)

    def key(self, *path: str | int) -> str:
        """`file:line:column` of the key at `path`, or else of the nearest one above it."""
        while path and path not in self.spots:
            path = path[:-1]
        return self.show(self.spots[path].key if path in self.spots else Position(1, 1))

    def written(self, *path: str | int) -> str | None:
        """The text of the unquoted scalar at `path`, exactly as it is in the file."""
        return self.spots[path].written if path in self.spots else None

    def show(self, position: Position) -> str:
        """`file:line:column`."""
        return f"{self.file}:{position.line}:{position.column}"
