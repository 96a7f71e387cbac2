"""How findings show keys, values and lists: short, on one line, and in the words of the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import Any, TypeAlias

import yaml

Path: TypeAlias = tuple[str | int, ...]

LONGEST_SHOWN = 60


def shown(text: str) -> str:
    """`text` in backticks, cut when it is long, with line ends and other invisible characters spelt out."""
    return f"`{one_line(text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + '...')}`"


def one_line(text: str) -> str:
    """`text` with every character that would break a line or not print replaced by its escape."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def dotted(path: Path) -> str:
    """`apps.web.routes[0]` for the path ("apps", "web", "routes", 0), in backticks."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return shown(text.removeprefix(".")) if path else "the file"


def listed(words: Iterable[str], last: str = "or") -> str:
    """a, b or c."""
    *most, final = words
    return f"{', '.join(most)} {last} {final}" if most else final


def one_of(key: str) -> str:
    """ "an app" for the section `apps`."""
    noun = key.removesuffix("s")
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False, allow_unicode=True)
    return one_line(text.removesuffix("\n").removesuffix("\n..."))


def assignment(path: Path, value: Any) -> str:
    """What to write so that the place at `path` holds `value`: `min: 2`, or `- /api` within a list."""
    key = path[-1] if path else "site"
    text = f"- {flow(value)}" if isinstance(key, int) else f"{flow(key)}: {flow(value)}"
    return f"`{text}`"


def closest(word: str, known: Sequence[str], least: float) -> str | None:
    """The known word that `word` is most likely a slip of, if it is at least so similar (0 to 1)."""
    ranked = sorted(((likeness(word, candidate), candidate) for candidate in known), reverse=True)
    return ranked[0][1] if ranked and ranked[0][0] >= least else None


def likeness(word: str, known: str) -> float:
    """0 to 1; a word that begins with the other (`environment`, `env`) is a likely slip too."""
    a, b = word.lower().replace("-", "_"), known.lower().replace("-", "_")
    begins = len(min(a, b, key=len)) > 2 and (a.startswith(b) or b.startswith(a))
    return max(SequenceMatcher(None, a[:100], b).ratio(), 0.75 if begins else 0.0)
