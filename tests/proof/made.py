"""Histories written by hand, in as few words as possible."""

from __future__ import annotations

import json

from outlast.proof.history import History, Kind, Operation, Outcome, history

OK, FAILED, UNKNOWN = Outcome.OK, Outcome.FAILED, Outcome.UNKNOWN


def did(
    kind: Kind,
    key: str = "",
    began: float = 0.0,
    ended: float | None = None,
    outcome: Outcome = OK,
    *,
    value: str = "",
    server: str = "",
    source: str = "app-1",
) -> Operation:
    """One operation; it takes no time unless `ended` says so."""
    return Operation(f"{source}/{kind}", kind, key, began, began if ended is None else ended, outcome, value, server)


def append(
    key: str, began: float = 0.0, ended: float | None = None, outcome: Outcome = OK, server: str = ""
) -> Operation:
    return did(Kind.APPEND, key, began, ended, outcome, server=server)


def read(*rows: str, began: float = 100.0, outcome: Outcome = OK) -> Operation:
    return did(Kind.READ, "", began, began + 1, outcome, value=json.dumps(rows))


def update(
    value: int, began: float = 0.0, ended: float | None = None, outcome: Outcome = OK, key: str = "r"
) -> Operation:
    return did(Kind.UPDATE, key, began, ended, outcome, value=str(value))


def look(value: int, began: float = 100.0, outcome: Outcome = OK, key: str = "r") -> Operation:
    return did(Kind.LOOK, key, began, began + 0.1, outcome, value=str(value))


def of(*operations: Operation) -> History:
    return history(operations)


EMPTY = of()
