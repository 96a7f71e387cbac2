"""Operations as lines of evidence, not more of them than a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from outlast.proof.history import Operation

SHOWN = 10


def lines(operations: Iterable[Operation]) -> tuple[str, ...]:
    """One line for each of the first operations, and how many more there are."""
    return some([tell(operation) for operation in operations])


def some(evidence: Sequence[str]) -> tuple[str, ...]:
    """The first lines, and how many more there are."""
    more = len(evidence) - SHOWN
    return (*evidence[:SHOWN], f"and {more} more") if more > 0 else tuple(evidence)


def tell(operation: Operation) -> str:
    """`app-1/writer append w17 at 1700000000.120 for 0.004 s: ok on east-galera-1`."""
    value = f" = {operation.value[:80]}" if operation.value else ""
    server = f" on {operation.server}" if operation.server else ""
    error = f" ({operation.error})" if operation.error else ""
    when = f"at {operation.began:.3f} for {operation.ended - operation.began:.3f} s"
    return f"{operation.client} {operation.kind} {operation.key}{value} {when}: {operation.outcome}{server}{error}"
