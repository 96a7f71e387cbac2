"""What a checker says of a history: valid, invalid or unknown, with its evidence. Unknown never passes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Judgement(StrEnum):
    """Unknown: the history does not tell, and that is no pass."""

    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checker` looked for one promise; `because` is one plain sentence, `evidence` the operations that show it."""

    checker: str
    judgement: Judgement
    because: str
    evidence: tuple[str, ...] = ()


def worst(judgements: Iterable[Judgement]) -> Judgement:
    """One for many: invalid before unknown before valid; unknown when there are none."""
    found = set(judgements)
    if Judgement.INVALID in found:
        return Judgement.INVALID
    return Judgement.UNKNOWN if Judgement.UNKNOWN in found or not found else Judgement.VALID
