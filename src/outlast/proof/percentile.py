"""Percentiles by the nearest-rank method: a value that was measured, never one between two."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf


def percentile(values: Iterable[float | None], percent: int) -> float | None:
    """The smallest value that at least `percent` of 100 values do not exceed; 100 gives the largest.

    None is a value that nobody knows. It counts as longer than all others; None where the rank falls on one, and where
    there are no values. With fewer than 20 values the 95th percentile is the largest.
    """
    ranked = sorted(inf if value is None else value for value in values)
    if not ranked:
        return None
    found = ranked[max(1, -(-len(ranked) * percent // 100)) - 1]
    return None if found == inf else found
