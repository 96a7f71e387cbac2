"""What differs in a file on a machine, as lines for a person. A secret, old or new, is never among them."""

from __future__ import annotations

import difflib
import re

from outlast.apply.facts import FileFound
from outlast.contract.bundle import File
from outlast.contract.secret import MARKER

HIDDEN = "⟦hidden⟧"
KEY = re.compile(r"^\s*[A-Za-z_][\w.-]*\s*[=:]\s*")
READABLE = 0o004


def difference(wanted: File, filled: str, found: FileFound) -> tuple[str, ...]:
    """`-`: what was written, `+`: what is there now. `filled` is the wanted text with its secrets."""
    if found.content is None:
        return ()
    rights = _rights(wanted, found)
    guarded = bool(MARKER.search(wanted.content)) or not wanted.mode & READABLE
    lines = [*difflib.unified_diff(filled.splitlines(), found.content.splitlines(), lineterm="", n=2)][2:]
    told = set(wanted.content.splitlines())
    keys = {key[0] for line in told if (key := KEY.match(line))}
    return (*rights, *(_masked(line, told, keys) if guarded else line for line in lines))


def _rights(wanted: File, found: FileFound) -> tuple[str, ...]:
    have = (found.mode, found.owner, found.group)
    if found.mode is None or have == (wanted.mode, wanted.owner, wanted.group):
        return ()
    told = f"{wanted.owner}:{wanted.group} {wanted.mode:04o}"
    return (f"{told} was told, {found.owner}:{found.group} {found.mode:04o} is there",)


def _masked(line: str, told: set[str], keys: set[str]) -> str:
    """A line of a file that holds secrets: shown when it stands in the blueprint too, where secrets are markers. So is
    a key; what only looks like one may be a line of a secret."""
    sign, text = line[:1], line[1:]
    if sign == "@" or text in told:
        return line
    key = KEY.match(text)
    return f"{sign}{key[0] if key and key[0] in keys else ''}{HIDDEN}"
