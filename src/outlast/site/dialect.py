"""The YAML that a site file is written in: what a plain word means, and how much of everything there may be.

It is YAML 1.1 as PyYAML reads it, without the parts that surprise: numbers are decimal, so `22:30`, `0644` and
`0x1F` stay text, and so do dates, infinities and numbers of more than 15 digits.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.nodes import Node

MOST_CHARACTERS = 200_000
MOST_VALUES = 20_000
DEEPEST = 20

TEXT = "tag:yaml.org,2002:str"
NULL = "tag:yaml.org,2002:null"
BOOL = "tag:yaml.org,2002:bool"
INT = "tag:yaml.org,2002:int"
FLOAT = "tag:yaml.org,2002:float"
MERGE = "tag:yaml.org,2002:merge"
LIST = "tag:yaml.org,2002:seq"
MAPPING = "tag:yaml.org,2002:map"

_TRUE = ("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON")
_FALSE = ("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF")
_PLAIN: dict[str, re.Pattern[str]] = {
    NULL: re.compile(r"^(?:~|null|Null|NULL|)$"),
    BOOL: re.compile(f"^(?:{'|'.join((*_TRUE, *_FALSE))})$"),
    INT: re.compile(r"^[-+]?(?:0|[1-9](?:_?[0-9]){0,14})$"),
    FLOAT: re.compile(r"^[-+]?(?:0|[1-9](?:_?[0-9]){0,14})?\.[0-9]{1,15}(?:[eE][-+]?[0-9]{1,2})?$"),
    MERGE: re.compile(r"^<<$"),
}


class TooDeep(Exception):
    """Lists and mappings are nested too deeply. Carries the mark of the innermost one."""

    def __init__(self, mark: yaml.Mark) -> None:
        super().__init__()
        self.mark = mark


class Loader(yaml.SafeLoader):
    """Composes nodes of the dialect. Nesting is limited here, because composing recurses."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own way to say it

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise TooDeep(self.get_mark())
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


for _tag, _pattern in _PLAIN.items():
    Loader.add_implicit_resolver(_tag, _pattern, None)  # pyright: ignore[reportUnknownMemberType]


def scalar(tag: str, text: str) -> str | int | float | bool | None:
    """The value of a scalar. Raises `ValueError` when the text is not what an explicit tag says it is."""
    if tag == TEXT:
        return text
    pattern = _PLAIN.get(tag)
    if pattern is None or not pattern.match(text):
        raise ValueError(text)
    if tag == BOOL:
        return text in _TRUE
    if tag == INT:
        return int(text)
    return float(text) if tag == FLOAT else None
