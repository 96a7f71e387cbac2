"""What the file may hold at a place, read from the JSON Schema of the models.

One reading serves the explanations, the documents and the starter file, so they cannot disagree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel

from outlast.kernel.units import format_duration, format_size
from outlast.site.wording import Path, flow, listed

_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "`true` or `false`",
    "null": "nothing",
}
ANY_TEXT = "text"
_SAMPLES: dict[str, Any] = {"string": ANY_TEXT, "integer": 1, "number": 1.5, "boolean": True}
_LIMITS = (
    ("minimum", "at least"),
    ("exclusiveMinimum", "more than"),
    ("maximum", "at most"),
    ("exclusiveMaximum", "less than"),
)
_FORMATS = {"a duration": format_duration, "a size": format_size}


class Shape:
    """One node of a JSON Schema with its references resolved."""

    def __init__(self, node: Mapping[str, Any], definitions: Mapping[str, Any]) -> None:
        self._definitions = definitions
        while "$ref" in node:
            target = definitions[str(node["$ref"]).rpartition("/")[2]]
            node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
        self._node = node

    @classmethod
    @cache
    def of(cls, model: type[BaseModel]) -> Shape:
        """The shape of a whole model, keys as the file writes them."""
        schema = model.model_json_schema()
        return cls(schema, schema.get("$defs", {}))

    @classmethod
    def mapping_of(cls, inner: Shape) -> Shape:
        """The shape of a mapping from any names to `inner`."""
        return cls({"type": "object", "additionalProperties": inner._node}, inner._definitions)

    @property
    def choices(self) -> tuple[Shape, ...]:
        """What this may be, one of several or just itself; `nothing` left out."""
        options = self._node.get("anyOf") or self._node.get("oneOf")
        if not options:
            return (self,)
        found = [choice for option in options for choice in self._child(option).choices]
        return tuple(choice for choice in found if choice._node.get("type") != "null")

    @property
    def keys(self) -> dict[str, Shape]:
        """The keys that a mapping may have here, when they are fixed."""
        return {k: self._child(v) for choice in self.choices for k, v in choice._node.get("properties", {}).items()}

    @property
    def required(self) -> frozenset[str]:
        """The keys that have no default."""
        return frozenset(self._node.get("required", ()))

    @property
    def entry(self) -> Shape | None:
        """What each value of a mapping with free keys is."""
        for choice in self.choices:
            patterns = choice._node.get("patternProperties", {})
            node = next(iter(patterns.values()), None) or choice._node.get("additionalProperties")
            if node and node is not True:
                return self._child(node)
        return None

    @property
    def item(self) -> Shape | None:
        """What each value of a list is."""
        for choice in self.choices:
            first = next(iter(choice._node.get("prefixItems", ())), None)
            if node := choice._node.get("items") or first:
                return self._child(node)
        return None

    @property
    def words(self) -> str:
        """What to write here, in plain words."""
        return listed(dict.fromkeys(choice._own_words for choice in self.choices))

    @property
    def values(self) -> tuple[Any, ...]:
        """The only values there are, or nothing when they are not counted."""
        return tuple(value for choice in self.choices for value in choice._own_values)

    @property
    def limits(self) -> str:
        """The bounds of a number or of a length, in words; empty when there are none."""
        found = [(words, choice._node[key]) for choice in self.choices for key, words in _LIMITS if key in choice._node]
        return " and ".join(f"{words} {limit}" for words, limit in found) if "x-words" not in self._node else ""

    @property
    def description(self) -> str:
        """What its author says about it, on one line."""
        return " ".join(str(self._node.get("description", "")).split())

    @property
    def default(self) -> Any:
        """The default as the file would write it; None when there is none, or when it is nothing."""
        default = self._node.get("default")
        return self.as_written(default) if isinstance(default, int | float) else default

    @property
    def sample(self) -> Any:
        """A value that could stand here."""
        return self._sample(depth=4)

    def as_written(self, number: float) -> Any:
        """A number in the way the file writes it here: `10s` for a duration."""
        format_number: Any = _FORMATS.get(self.words)
        return format_number(number) if format_number and not isinstance(number, bool) else number

    def at(self, path: Path) -> Shape | None:
        """The shape further in, or None where the models say nothing."""
        shape: Shape | None = self
        for part in path:
            if shape is None:
                return None
            shape = shape.item if isinstance(part, int) else shape.keys.get(part) or shape.entry
        return shape

    def is_a(self, kind: str) -> bool:
        """One of its choices is of this JSON type ("string", "array", "object")."""
        return any(choice._kind == kind for choice in self.choices)

    def walk(self, depth: int = 6) -> Iterator[tuple[Path, Shape]]:
        """Every fixed key below, as (path, shape); free keys stand as `<name>`."""
        below = {**self.keys, **({"<name>": self.entry} if self.entry else {})} if depth else {}
        for key, shape in below.items():
            yield (key,), shape
            yield from (((key, *path), inner) for path, inner in shape.walk(depth - 1))

    def _child(self, node: Mapping[str, Any]) -> Shape:
        return Shape(node, self._definitions)

    @property
    def _kind(self) -> str:
        return str(self._node.get("type", ""))

    @property
    def _own_values(self) -> tuple[Any, ...]:
        return (self._node["const"],) if "const" in self._node else tuple(self._node.get("enum", ()))

    @property
    def _own_words(self) -> str:
        if "x-words" in self._node:
            return str(self._node["x-words"])
        if self._own_values:
            return listed(f"`{flow(value)}`" for value in self._own_values)
        if self._kind == "array":
            return f"a list of {_plural(self.item.words)}" if self.item else "a list"
        if self._kind == "object":
            return "a mapping of keys to values" if self.keys else "a mapping of names to values"
        return _WORDS.get(self._kind, "a value")

    def _sample(self, depth: int) -> Any:
        shape = self.choices[0] if self.choices else self
        for source in (self._node, shape._node):
            if examples := source.get("examples"):
                return examples[0]
        if self.default or isinstance(self.default, int | float):
            return self.default
        if shape._own_values:
            return shape._own_values[0]
        if shape._kind == "array":
            return [shape.item._sample(depth - 1)] if shape.item and depth else []
        if shape._kind == "object":
            return shape._sample_mapping(depth)
        return _SAMPLES.get(shape._kind, ANY_TEXT)

    def _sample_mapping(self, depth: int) -> dict[str, Any]:
        if not depth:
            return {}
        if self.entry and not self.keys:
            return {"name": self.entry._sample(depth - 1)}
        wanted = [key for key in self.keys if key in self.required] or list(self.keys)[:1]
        return {key: self.keys[key]._sample(depth - 1) for key in wanted}


def _plural(words: str) -> str:
    if " or " in words or words == "a value":
        return f"values, each {words}" if " or " in words else "values"
    found = re.match(r"a (list|mapping)\b", words)
    if found:
        return f"{found[1]}s{words[found.end() :]}"
    noun = re.sub(r"^an? ", "", words)
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
