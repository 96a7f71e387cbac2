"""The text of a site file as plain values, with the place of each.

YAML that loads but says something else than its author meant is refused here: a key twice, a key that is no
text, tags, endless references.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from outlast.kernel.errors import Finding, Invalid
from outlast.site import dialect
from outlast.site.places import Lines, Places, Position, Spot
from outlast.site.syntax import explain_syntax
from outlast.site.wording import Path, dotted, one_line, shown

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"


@dataclass(frozen=True, slots=True)
class Tree:
    """A file that is YAML: its values, where they stand, and what is wrong with it so far."""

    root: dict[str, Value]
    places: Places
    findings: tuple[Finding, ...]

    def at(self, path: Path) -> Value:
        """The value at `path`, or None where the file has nothing."""
        value: Value = self.root
        for part in path:
            if isinstance(value, dict):
                value = value.get(str(part))
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value


def parse(text: str, file: str) -> Tree:
    """Raises `Invalid` where the text cannot be read on: bad syntax, a limit exceeded, no mapping at all."""
    if len(text) > dialect.MOST_CHARACTERS:
        limit = f"a site file may have {dialect.MOST_CHARACTERS}"
        raise Invalid(Finding(f"{file}:1:1", f"the file has {len(text)} characters", limit, "is this the right file?"))
    node = _compose(text, file)
    builder = _Builder(file, Lines(text))
    if not isinstance(node, MappingNode):
        raise Invalid(_no_mapping(node, builder))
    root = builder.mapping(node, ())
    return Tree(root, Places(file, builder.spots), tuple(builder.findings))


def _compose(text: str, file: str) -> Node | None:
    reached = Position(1, 1)
    try:
        loader = dialect.Loader(text)
        try:
            return loader.get_single_node()
        except (yaml.YAMLError, ValueError, OverflowError):
            mark = loader.get_mark()
            reached = Lines(text).position(mark.line, mark.column)
            raise
    except dialect.TooDeep as error:
        position = Lines(text).position(error.mark.line, error.mark.column)
        raise Invalid(_too_deep(f"{file}:{position.line}:{position.column}")) from None
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        raise Invalid(explain_syntax(error, reached, text, file)) from None


class _Builder:
    """Turns composed nodes into values and notes where each stands."""

    def __init__(self, file: str, lines: Lines) -> None:
        self.spots: dict[Path, Spot] = {}
        self.findings: list[Finding] = []
        self._file = file
        self._lines = lines
        self._count = 0
        self._open: list[Node] = []

    def mapping(self, node: MappingNode, path: Path, key: Position | None = None) -> dict[str, Value]:
        built = self._build(node, path, key or self._position(node))
        return built if isinstance(built, dict) else {}

    def where(self, node: Node | None) -> str:
        position = self._position(node) if node else Position(1, 1)
        return f"{self._file}:{position.line}:{position.column}"

    def _build(self, node: Node, path: Path, key: Position) -> Value:
        self._limit(node, path)
        written = node.value if isinstance(node, ScalarNode) and node.style is None else None
        self.spots[path] = Spot(key, self._position(node), written)
        if any(node is one for one in self._open):
            self._note(node, f"{dotted(path)} contains itself", "an alias refers to a part that it stands in")
            return None
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        self._open.append(node)
        if node.tag not in (dialect.LIST, dialect.MAPPING):
            self._tagged(node, path)
        built: Value
        if isinstance(node, SequenceNode):
            built = [self._build(item, (*path, i), self._position(item)) for i, item in enumerate(node.value)]
        else:
            assert isinstance(node, MappingNode), "YAML has scalars, sequences and mappings only"
            built = {k: self._build(v, (*path, k), position) for k, v, position in self._entries(node, path)}
        self._open.pop()
        return built

    def _scalar(self, node: ScalarNode, path: Path) -> Value:
        try:
            value = dialect.scalar(node.tag, node.value)
        except ValueError:
            self._tagged(node, path)
            return str(node.value)
        if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
            self._note(
                node,
                f"{dotted(path)} has an escape that is half a character",
                "no text can hold it",
                "write the character itself",
            )
            return "?"
        return value

    def _entries(self, node: MappingNode, path: Path) -> list[tuple[str, Node, Position]]:
        """The keys of a mapping, its own first, then what `<<` merges into it."""
        found: dict[str, tuple[Node, Position]] = {}
        sources: list[Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == dialect.MERGE:
                sources += value_node.value if isinstance(value_node, SequenceNode) else [value_node]
                continue
            key = self._key(key_node)
            if key in found:
                self._twice(key_node, key, found[key][1])
            else:
                found[key] = (value_node, self._position(key_node))
        for source in sources:
            for key, value_node, position in self._merged(source, path):
                found.setdefault(key, (value_node, position))
        return [(key, value_node, position) for key, (value_node, position) in found.items()]

    def _merged(self, source: Node, path: Path) -> list[tuple[str, Node, Position]]:
        self._limit(source, path)
        if not isinstance(source, MappingNode):
            self._note(
                source, "`<<` merges something that is no mapping", "only keys can be merged", "write `<<: *name`"
            )
            return []
        if any(source is one for one in self._open):
            self._note(source, f"{dotted(path)} merges itself", "an alias refers to a part that it stands in")
            return []
        self._open.append(source)
        entries = self._entries(source, path)
        self._open.pop()
        return entries

    def _key(self, node: Node) -> str:
        if not isinstance(node, ScalarNode):
            self._note(node, "a list or a mapping is used as a key", "keys are words", "give it a name, as in `web:`")
            return "?"
        key = str(node.value)
        if node.tag != dialect.TEXT:
            meaning = f"YAML reads {shown(key)} as {_meaning(node.tag)}" if key else "there is nothing before the colon"
            fix = f'put it in quotes: `"{one_line(key)}":`' if key else "write a name before the colon, as in `web:`"
            self._note(node, f"the key {shown(key)} is not text", meaning, fix)
        return key

    def _twice(self, node: Node, key: str, first: Position) -> None:
        why = f"the first one is in line {first.line}, and only one of them could count"
        self._note(node, f"{shown(key)} is here twice", why, "remove one, or rename it")

    def _tagged(self, node: Node, path: Path) -> None:
        what = f"{dotted(path)} has the tag {shown(node.tag.removeprefix('tag:yaml.org,2002:'))}, which does not fit it"
        self._note(
            node,
            what,
            "a site file needs no tags: its keys say what a value is",
            "remove the word that starts with `!`",
        )

    def _note(
        self, node: Node, what: str, why: str, fix: str = "write the value out instead of referring to it"
    ) -> None:
        finding = Finding(self.where(node), what, why, fix)
        if finding not in self.findings:
            self.findings.append(finding)

    def _position(self, node: Node) -> Position:
        return self._lines.position(node.start_mark.line, node.start_mark.column)

    def _limit(self, node: Node, path: Path) -> None:
        self._count += 1
        if self._count > dialect.MOST_VALUES:
            limit = f"a site file may have {dialect.MOST_VALUES}, each use of an alias counted"
            fix = "remove anchors that multiply one another"
            raise Invalid(*self.findings, Finding(self.where(node), "the file has too many values", limit, fix))
        if len(path) >= dialect.DEEPEST:
            raise Invalid(*self.findings, _too_deep(self.where(node)))


def _meaning(tag: str) -> str:
    names = {dialect.BOOL: "true or false", dialect.INT: "a number", dialect.FLOAT: "a number", dialect.NULL: "nothing"}
    return names.get(tag, "something else")


def _too_deep(where: str) -> Finding:
    limit = f"a site file may be {dialect.DEEPEST} levels deep, and needs five"
    return Finding(where, "lists or mappings are nested too deeply", limit, "remove the brackets or the indentation")


def _no_mapping(node: Node | None, builder: _Builder) -> Finding:
    fix = "`outlast init` writes a file to start from"
    if node is None or node.tag == dialect.NULL:
        return Finding(
            builder.where(node),
            "the file says nothing",
            "it must at least name a site, its domain and a data centre",
            fix,
        )
    why = "the file must be lines of `key: value`"
    if isinstance(node, ScalarNode) and ":" in node.value:
        fix = "put a space after each colon, as in `site: shop`"
    return Finding(builder.where(node), "this is not a site file", why, fix)
