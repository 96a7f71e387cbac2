"""What clients saw, in order: operations with their outcomes, and marks of what was done to the site meanwhile.

Times are seconds since 1970 on the operator's clock; whoever runs elsewhere is corrected before it comes here. A
history is never changed, only read: every verdict follows from it and can be reached again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a client knows of its operation. `UNKNOWN`: it may have happened (no answer came, or the line broke)."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a client did."""

    BROWSE = "browse"
    """A request that changes nothing; `key` is its path."""
    ORDER = "order"
    """A request that writes, once for its token; `key` is the token. Repeated with the same token until it is taken."""
    APPEND = "append"
    """One new row; `key` names it."""
    READ = "read"
    """All rows that there are, after the fault, through the writer's port: `value` is a JSON list of keys."""
    UPDATE = "update"
    """Read a register and write the next number in one transaction: `key` is the register, `value` the new number."""
    LOOK = "look"
    """Read a register through the writer's port: `key` is the register, `value` its number."""
    TRANSFER = "transfer"
    """Move money between two accounts in one transaction."""
    TOTAL = "total"
    """The sum of all accounts: `value`."""
    FETCH = "fetch"
    """One token looked up after the fault, over HTTP: OK when it is there, FAILED when it certainly is not."""


AGAIN = "again"
"""The name of whoever asks a second time, over a new connection, for what changes nothing, because the first one broke.
Source: RFC 9110, section 9.2.2."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a client did. `client` is `SOURCE/NAME`: whoever it is does one thing after another, but for
    open-loop HTTP load, where SOURCE is the address that is asked and operations overlap.

    `began` is when it was due (open loop) or sent; `server` the member that says it carried it out, empty when unknown.
    """

    client: str
    kind: Kind
    key: str
    began: float
    ended: float
    outcome: Outcome
    value: str = ""
    server: str = ""
    error: str = ""

    @property
    def source(self) -> str:
        """From where, or (HTTP) over which address."""
        return self.client.partition("/")[0]

    @property
    def acknowledged(self) -> bool:
        """Its client was told that it is done."""
        return self.outcome is Outcome.OK

    @property
    def is_repeated(self) -> bool:
        """Whether it is the second attempt at it."""
        return self.client.rpartition("/")[2] == AGAIN


@dataclass(frozen=True, slots=True)
class Mark:
    """Something was done to the site at that moment: a fault began, a fault was healed."""

    at: float
    what: str


@dataclass(frozen=True)
class History:
    """One trial: operations by the time they ended, and marks by their time."""

    operations: tuple[Operation, ...]
    marks: tuple[Mark, ...] = ()

    def of(self, *kinds: Kind) -> tuple[Operation, ...]:
        """The operations of these kinds."""
        return tuple(operation for operation in self.operations if operation.kind in kinds)


def history(operations: Iterable[Operation], marks: Iterable[Mark] = ()) -> History:
    """A history, put in order."""
    return History(tuple(sorted(operations, key=lambda o: o.ended)), tuple(sorted(marks, key=lambda mark: mark.at)))


def dump(held: History) -> Iterator[str]:
    """JSON lines: marks, then operations."""
    for entry in (*held.marks, *held.operations):
        yield json.dumps(asdict(entry))


def parse(lines: Iterable[str]) -> History:
    """What `dump` wrote. Raises `ValueError` or `TypeError` for anything else."""
    entries = [json.loads(line) for line in lines]
    marks = [Mark(**entry) for entry in entries if "what" in entry]
    return history((operation(entry) for entry in entries if "what" not in entry), marks)


def operation(entry: dict[str, str]) -> Operation:
    """One operation as a program on a machine prints it. Raises `ValueError` or `TypeError` for anything else."""
    return Operation(**{**entry, "kind": Kind(entry["kind"]), "outcome": Outcome(entry["outcome"])})  # type: ignore[arg-type]
