"""Timelines from a history: what was done and what failed, step by step."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import ceil

from outlast.proof.checkers.availability import SERVED
from outlast.proof.experiment import Beat
from outlast.proof.history import History, Kind, Operation

WIDTH = 0.05


def beats(
    history: History,
    fault_at: float,
    since: float,
    until: float,
    width: float = WIDTH,
    kinds: Collection[Kind] = SERVED,
) -> tuple[tuple[str, tuple[Beat, ...]], ...]:
    """A lane for each kind that was done within [since, until), named like it, in steps of `width` seconds without
    holes. Operations count where they ended. `fault_at`, `since` and `until` are seconds since 1970; beats are
    relative to the fault."""
    steps = max(0, ceil(round((until - since) / width, 6)))
    lanes: list[tuple[str, tuple[Beat, ...]]] = []
    for kind in (kind for kind in Kind if kind in kinds):
        held: list[list[Operation]] = [[] for _ in range(steps)]
        for operation in history.of(kind):
            if since <= operation.ended < until:
                held[min(int((operation.ended - since) / width), steps - 1)].append(operation)
        if any(held):
            start = since - fault_at
            lanes.append((kind.value, tuple(_beat(start + step * width, width, one) for step, one in enumerate(held))))
    return tuple(lanes)


def _beat(at: float, width: float, operations: Sequence[Operation]) -> Beat:
    took = [operation.ended - operation.began for operation in operations if operation.acknowledged]
    return Beat(round(at, 6), width, len(took), len(operations) - len(took), round(max(took, default=0.0), 6))
