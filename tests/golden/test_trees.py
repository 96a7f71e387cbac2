"""Every file of every example, compared with the one that was accepted last.

When a difference is meant: `OUTLAST_REGOLD=1 pytest tests/golden`, then read `git diff` before you commit it.
"""

from __future__ import annotations

import difflib
import os
import shutil

import pytest

from tests.golden.tree import TREES, findings, kept, names, rendered

REGOLD = "OUTLAST_REGOLD"
SHOWN = 40


@pytest.mark.parametrize("example", names())
def test_an_example_has_nothing_to_find(example: str) -> None:
    assert findings(example) == ()


@pytest.mark.parametrize("example", names())
def test_the_tree_of_an_example(example: str) -> None:
    now = rendered(example)
    if os.environ.get(REGOLD) == "1":
        rewrite(example, now)
    before = kept(example)
    differing = [path for path in sorted({*now, *before}) if now.get(path) != before.get(path)]
    shown = "\n".join(line for path in differing for line in difference(path, before.get(path), now.get(path)))
    assert not differing, f"{len(differing)} files differ; {REGOLD}=1 accepts them\n{shown}"


def test_no_tree_is_left_of_an_example_that_is_gone() -> None:
    assert sorted(path.name for path in TREES.iterdir()) == names()


def rewrite(example: str, tree: dict[str, bytes]) -> None:
    """Accept a tree."""
    shutil.rmtree(TREES / example, ignore_errors=True)
    for path, content in tree.items():
        target = TREES / example / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def difference(path: str, before: bytes | None, now: bytes | None) -> list[str]:
    """The first lines of what differs in one file."""
    old, new = ((text or b"").decode().splitlines() for text in (before, now))
    return [*difflib.unified_diff(old, new, f"kept/{path}", f"now/{path}", lineterm="")][:SHOWN]
