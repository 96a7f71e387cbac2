"""A value that cannot be accepted, said in three parts.

Validators raise a `Fault` where they would raise a `ValueError`: pydantic collects it like one, and whoever
knows the place in the file makes a finding of it. This module knows no files and no positions.
"""

from __future__ import annotations


class Fault(ValueError):
    """Why a value is refused: what is wrong, why that matters, and how to fix it.

    `at` points deeper into the value, for a validator that looks at several fields at once:
    `Fault(..., at=("members",))`.
    """

    def __init__(self, what: str, why: str, fix: str, *, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(f"{what}: {why}; {fix}")
        self.what = what
        self.why = why
        self.fix = fix
        self.at = at
