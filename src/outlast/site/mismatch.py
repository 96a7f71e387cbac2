"""The words for a value that does not fit its place: what, why and fix for each way of not fitting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from outlast.site.shape import ANY_TEXT, Shape
from outlast.site.wording import Path, assignment, closest, dotted, flow, listed, one_line, shown


class Parts(NamedTuple):
    """A finding without its place."""

    what: str
    why: str
    fix: str


def explain_missing(path: Path, shape: Shape | None, sample: Any) -> Parts:
    """A key that must be there and is not."""
    why = (shape.description if shape else "") or "nobody can choose it for you"
    return Parts(f"{dotted(path[:-1])} lacks {shown(str(path[-1]))}", why, f"add {assignment(path, sample)}")


def explain_mismatch(path: Path, value: Any, written: str | None, shape: Shape, sample: Any) -> Parts:
    """A value of another kind than the one expected."""
    place, expected = dotted(path), shape.words
    if value is None:
        optional = f", or remove the line for the default, `{flow(shape.default)}`" if shape.default is not None else ""
        write = f"write {assignment(path, sample)}{optional}"
        if sample == ANY_TEXT:
            write = f"write a text, or {assignment(path, '')} for an empty one"
        return Parts(f"{place} is empty", f"it must be {expected}", write)
    if shape.is_a("string") and written is not None and isinstance(value, bool | int | float):
        meaning = f"`{flow(value)}`" if isinstance(value, bool) else _described(value)
        return Parts(
            f"{place} must be {expected}, not {meaning}",
            f"without quotes, YAML reads {shown(written)} as {meaning}",
            f"put it in quotes: {_quoted(path, written)}",
        )
    what = f"{place} must be {expected}, not {_described(value)}"
    why = shape.description or "no other kind of value can stand here"
    return Parts(what, why, f"write {_repaired(path, value, shape, sample)}")


def explain_choice(path: Path, value: Any, shape: Shape | None, expected: str) -> Parts:
    """A value that is none of the few allowed ones."""
    values = [flow(choice) for choice in shape.values] if shape else []
    choices = listed(f"`{choice}`" for choice in values) if values else expected
    near = closest(str(value), values, 0.5)
    return Parts(
        f"{dotted(path)} cannot be {shown(flow(value))}",
        f"it must be {choices}",
        f"write {assignment(path, near)}" if near else f"write {choices}",
    )


def explain_bound(path: Path, value: Any, kind: str, context: Mapping[str, Any], shape: Shape | None) -> Parts | None:
    """A number that is too small, too large or uneven; None when `kind` is no such error."""
    phrases = {
        "greater_than_equal": ("ge", "at least"),
        "greater_than": ("gt", "more than"),
        "less_than_equal": ("le", "at most"),
        "less_than": ("lt", "less than"),
        "multiple_of": ("multiple_of", "a multiple of"),
    }
    if kind not in phrases:
        return None
    name, phrase = phrases[kind]
    number = context[name]
    number = int(number) if number == int(number) else number
    bound = shape.as_written(number) if shape else number
    fix = f"write {assignment(path, bound)}" if name in ("ge", "le") else f"write a number that is {phrase} {bound}"
    why = f"it must be {phrase} {bound}" + (f": {shape.description}" if shape and shape.description else "")
    return Parts(f"{dotted(path)} is {flow(value)}", why, fix)


def explain_length(path: Path, kind: str, context: Mapping[str, Any], sample: Any) -> Parts | None:
    """A text, list or mapping with too few or too many parts; None when `kind` is no such error."""
    if kind not in ("too_short", "too_long", "string_too_short", "string_too_long"):
        return None
    unit = "characters" if kind.startswith("string") else "entries"
    few = kind.endswith("short")
    limit = context["min_length"] if few else context["max_length"]
    return Parts(
        f"{dotted(path)} has too {'few' if few else 'many'} {unit}",
        f"it must have at {'least' if few else 'most'} {limit}",
        f"write it like {assignment(path, sample)}" if few else f"keep {limit} of them",
    )


def explain_pattern(path: Path, value: Any, pattern: str, shape: Shape | None, sample: Any) -> Parts:
    """A text of the wrong form."""
    about = f": {shape.description}" if shape and shape.description else ""
    why = f"it must match the pattern {shown(pattern)}{about}"
    return Parts(f"{dotted(path)} cannot be {shown(flow(value))}", why, f"write it like {assignment(path, sample)}")


def _described(value: Any) -> str:
    match value:
        case bool():
            return "true or false"
        case int() | float():
            return f"the number {value}"
        case str():
            return f"the text {shown(value)}" if value else "an empty text"
        case list():
            return "a list"
        case _:
            return "a mapping"


def _quoted(path: Path, written: str) -> str:
    text = f'"{one_line(written)}"'
    return f"`{text}`" if isinstance(path[-1], int) else f"`{path[-1]}: {text}`"


def _repaired(path: Path, value: Any, shape: Shape, sample: Any) -> str:
    """The same value in the right form where that can be guessed, otherwise an example."""
    if shape.is_a("array") and isinstance(value, str):
        return assignment(path, [value])
    if shape.is_a("integer") and isinstance(value, float):
        return f"{assignment(path, int(value))} or {assignment(path, int(value) + 1)}"
    if shape.is_a("object") and isinstance(value, list) and not shape.keys:
        return f"names without dashes, as in {assignment(path, sample)}"
    return assignment(path, sample)
