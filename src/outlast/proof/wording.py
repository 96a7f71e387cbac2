"""Numbers with their nouns, the same in verdicts and in reports."""

from __future__ import annotations


def count(number: int, one: str, many: str = "") -> str:
    """`1 row`, `2,000 rows`, or with another plural: `2 losses`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
