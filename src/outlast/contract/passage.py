"""How a component that passes requests on is told whom to give how many, and what it counts of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from outlast.contract.probe import Output
from outlast.contract.slot import Slot


@dataclass(frozen=True, slots=True)
class Seat:
    """One slot of one member."""

    service: str
    member: str
    slot: Slot


@dataclass(frozen=True, slots=True)
class Counted:
    """What one of those who pass requests on says of a seat. `up`: it gets requests now, if its weight is not 0;
    `busy`: requests under way there; `requests` and `errors` count since the process started; `mean`: seconds to the
    first byte of an answer, an average that leans to the last `window` requests."""

    up: bool
    busy: int
    requests: int
    errors: int
    mean: float


@dataclass(frozen=True, slots=True)
class Passage:
    """`steer` answers an argv that gives seats their weights (0: no new requests; 1: as many as anybody) and prints
    what `parse` reads: each seat that it knows. A seat that it does not know yet is no error. `admit` answers an argv
    that takes in seats of the configuration that lies on its machine, before it is reloaded."""

    admit: Callable[[Sequence[Seat]], tuple[str, ...]]
    steer: Callable[[Mapping[Seat, float]], tuple[str, ...]]
    parse: Callable[[Output], Mapping[Seat, Counted]]
    window: int
