"""Texts for people: the starter file of `outlast init` and the documents of `outlast docs`.

Both are made of what the sections bring: their examples, and the descriptions, types and defaults of their
options. Every text is itself a YAML text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import takewhile
from textwrap import fill

from outlast.kernel.names import SITE_LENGTH, propose_name
from outlast.site.core import CORE_TEXTS
from outlast.site.schema import Core
from outlast.site.section import Section, by_key
from outlast.site.shape import Shape
from outlast.site.tree import parse
from outlast.site.wording import Path, flow

WIDTH = 110
_HEAD = """\
# One file says what must run and what must survive.
#
# `outlast check` finds what is wrong with it, `outlast plan` shows what would change, and `outlast up` makes it
# run. What is not written here has a default that a small team would choose.
"""


def starter(name: str, sections: Sequence[Section]) -> str:
    """A first site file, commented, for a folder called `name`. It loads without findings."""
    site = propose_name(name, SITE_LENGTH) or "shop"
    core = [CORE_TEXTS[key] for key in ("site", "domain", "datacenters")]
    core = [text.replace("site: shop", f"site: {flow(site)}").replace("shop.test", f"{site}.test") for text in core]
    firsts = [group[0] for group in by_key(sections).values() if group[0].example]
    apps = [_required_only(section) for section in firsts if section.many]
    wishes = [_commented(section.example) for section in firsts if not section.many and not section.default]
    wishes.append(_commented(CORE_TEXTS["environments"]))
    present = [section.key for section in firsts if section.default]
    tail = [_tail(present)] if present else []
    return "\n".join(text.rstrip() + "\n" for text in (_HEAD, *core, *apps, *wishes, *tail))


def document(key: str, sections: Sequence[Section]) -> str:
    """All about one top-level key: a commented example, then every option. Raises `KeyError` for another key."""
    if key in CORE_TEXTS:
        shape = Shape.of(Core).keys[key]
        return "\n".join((CORE_TEXTS[key], *_reference(shape, (key,), required=key in Shape.of(Core).required)))
    return "\n".join(text for section in by_key(sections)[key] for text in _section(section))


def titles(sections: Iterable[Section]) -> dict[str, str]:
    """One line about each top-level key, the core keys first."""
    core = {key: shape.description for key, shape in Shape.of(Core).keys.items()}
    groups = by_key(sections)
    return core | {key: " ".join(_about(section) for section in group) for key, group in groups.items()}


def _section(section: Section) -> Iterable[str]:
    yield section.example or f"# {section.key}: {_about(section)}\n"
    path: Path = (section.key, "<name>") if section.many else (section.key,)
    if section.engine:
        yield _option((*path, "engine"), f"`{section.engine}` for the options below.")
    for inner, shape in Shape.of(section.options).walk():
        parent = Shape.of(section.options).at(inner[:-1])
        yield _option((*path, *inner), _facts(shape, required=bool(parent and inner[-1] in parent.required)))


def _reference(shape: Shape, path: Path, *, required: bool) -> Iterable[str]:
    yield _option(path, _facts(shape, required=required))
    for inner, below in shape.walk():
        parent = shape.at(inner[:-1])
        yield _option((*path, *inner), _facts(below, required=bool(parent and inner[-1] in parent.required)))


def _option(path: Path, text: str) -> str:
    return fill(f"{'.'.join(map(str, path))}: {text}", WIDTH, initial_indent="# ", subsequent_indent="#     ")


def _facts(shape: Shape, *, required: bool) -> str:
    default = "required" if required else "optional" if shape.default is None else f"default `{flow(shape.default)}`"
    facts = ", ".join(filter(None, (shape.words, shape.limits, default)))
    return f"{facts}. {shape.description}".strip()


def _about(section: Section) -> str:
    """The first sentence of its example's comment, or else of its options' docstring."""
    comment = takewhile(lambda line: line.startswith("#"), section.example.splitlines())
    text = " ".join(line.lstrip("# ") for line in comment) or " ".join((section.options.__doc__ or "").split())
    found = re.match(r".{10,}?\.(?= |$)", text)
    return found[0] if found else text


def _required_only(section: Section) -> str:
    """The example with every optional key commented out, so that only what must be said is said."""
    tree = parse(section.example, section.key)
    required = Shape.of(section.options).required
    hidden: dict[int, int] = {}
    keys = sorted((spot.key, path) for path, spot in tree.places.spots.items() if len(path) == 3)
    lines = section.example.splitlines()
    for number, (position, path) in enumerate(keys):
        end = keys[number + 1][0].line if number + 1 < len(keys) else len(lines) + 1
        if path[-1] not in required:
            hidden |= dict.fromkeys(range(position.line, end), position.column - 1)
    return "\n".join(_hide(line, hidden.get(number)) for number, line in enumerate(lines, start=1))


def _hide(line: str, indent: int | None) -> str:
    if indent is None or not line.strip() or line.lstrip().startswith("#"):
        return line
    return f"{line[:indent]}# {line[indent:]}"


def _commented(text: str) -> str:
    return "\n".join(line if not line or line.startswith("#") else f"# {line}" for line in text.splitlines())


def _tail(keys: Sequence[str]) -> str:
    text = f"The site also has {', '.join(keys)}, which need no settings; `outlast docs` explains every section."
    return fill(text, WIDTH, initial_indent="# ", subsequent_indent="# ")
