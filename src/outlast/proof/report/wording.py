"""Figures as people read them, the same everywhere."""

from __future__ import annotations

from outlast.proof.experiment import Objective
from outlast.proof.verdict import Judgement
from outlast.proof.wording import count

UNKNOWN = "?"
MARK = {Judgement.VALID: "✓", Judgement.INVALID: "✗", Judgement.UNKNOWN: "?"}
WORD = {Judgement.VALID: "proved", Judgement.INVALID: "not proved", Judgement.UNKNOWN: "unknown"}


def seconds(value: float | None, unit: bool = True) -> str:
    """`0.42 s`, `12.3 s`, `240 s`; `?` when nobody knows."""
    if value is None:
        return UNKNOWN
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{decimals}f}{' s' if unit else ''}"


def number(value: int | None) -> str:
    """`12,345`; `?` when nobody knows."""
    return UNKNOWN if value is None else f"{value:,}"


def share(value: float) -> str:
    """`97 %`."""
    return f"{100 * value:.0f} %"


def duration(value: float) -> str:
    """`45 s`, `12 min`, `3 h 20 min`."""
    minutes = round(value / 60)
    if minutes < 2:
        return f"{value:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def moment(at: str) -> str:
    """`2026-11-21 12:00 UTC` of what ISO 8601 says in UTC."""
    return f"{at[:16].replace('T', ' ')} UTC"


def trials(numbers: tuple[int, ...], most: int = 5) -> str:
    """`trial 3`, `trials 1, 2 and 4`, `trials 1, 2, 3, 4, 5 and 12 more`; empty for none."""
    if len(numbers) < 2:
        return f"trial {numbers[0]}" if numbers else ""
    shown = [str(number) for number in numbers[:most]]
    last = f"{len(numbers) - most} more" if len(numbers) > most else shown.pop()
    return f"trials {', '.join(shown)} and {last}"


def objective(wanted: Objective) -> str:
    """`≤ 1 s`, `≤ 1 s, 0 errors`."""
    errors = "" if wanted.errors is None else f", {count(wanted.errors, 'error')}"
    return f"≤ {wanted.outage:g} s{errors}"
