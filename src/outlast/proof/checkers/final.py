"""What was there in the end: the rows of the last READs that were answered, and numbers that were read."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import TypeAdapter, ValidationError

from outlast.proof.history import History, Kind, Operation

_ROWS: TypeAdapter[tuple[str, ...]] = TypeAdapter(tuple[str, ...])


@dataclass(frozen=True, slots=True)
class Final:
    """One of the last READs: every row that it saw, as often as it saw it."""

    read: Operation
    rows: tuple[str, ...]


def finals(history: History) -> tuple[Final, ...]:
    """The acknowledged READs that began last: one, or several that began together. Empty when there is none, or when
    one of them cannot be understood."""
    reads = [operation for operation in history.of(Kind.READ) if operation.acknowledged]
    latest = max((read.began for read in reads), default=None)
    try:
        return tuple(
            Final(read, _ROWS.validate_json(read.value, strict=True)) for read in reads if read.began == latest
        )
    except ValidationError:
        return ()


def number(operation: Operation) -> int | None:
    """The whole number that an operation read or wrote. None: its value is not one."""
    try:
        return int(operation.value)
    except ValueError:
        return None
