"""What a component is: one record of facts and pure functions. Composition, no base class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel

from outlast.contract.ailment import Ailment
from outlast.contract.bundle import Part
from outlast.contract.changeover import Changeover
from outlast.contract.gauge import Gauge
from outlast.contract.interface import Provided, Required
from outlast.contract.model import Model
from outlast.contract.passage import Passage
from outlast.contract.probe import Output, Report
from outlast.contract.scaling import Scaling
from outlast.contract.source import Source
from outlast.contract.steward import Steward
from outlast.contract.view import NodeView
from outlast.kernel.network import Destination

O = TypeVar("O", bound=BaseModel)  # noqa: E741 - the design's own letter for a component's options


@dataclass(frozen=True, slots=True)
class Claim:
    """The top-level section of the site file that belongs to a component.

    `many`: the section maps names to options, each a service of its own. `engine`: several components may
    share a section and differ by its `engine:`. `default`: present although the file says nothing.
    """

    key: str
    many: bool = False
    engine: str | None = None
    default: bool = False


@dataclass(frozen=True, slots=True)
class InPool(Generic[O]):
    """Members live on machines of `pool`: `count` of them, or (None) one on each machine of it.

    `size` is how many machines the pool has in each data centre when nobody asks for more.
    """

    pool: str
    count: Callable[[O], int] | None = None
    size: int = 1

    def wanted(self, options: O) -> int | None:
        """The number of members that is asked for; None: as many as there are machines."""
        return None if self.count is None else self.count(options)


@dataclass(frozen=True, slots=True)
class Beside:
    """One member on every machine that holds a member which requires `interface` there."""

    interface: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a release is made: `script` is shell text that runs in a copy of the source, in a clean machine, with
    `environment`, in the very folder where the release will run."""

    source: Source
    script: str
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Component(Generic[O]):
    """Facts and functions of one engine.

    `provides(options, index)` may differ by member (an arbiter serves no queries). `rolling`: members that run
    are changed one after another, each healthy before the next; otherwise all at once. `settle` is how many
    seconds a member may take from its start to healthy. `builds` says how a service made from source is built.
    `floats`: every machine that holds a member gets a floating address. `quorum`: it serves only while more
    than half of its members are healthy. `model` is how it behaves on simulated machines. `calls` are the places
    outside the site that it connects to. `switch` is an argv that, run on the machine of the member that takes the
    writes, moves them to another one. `presets` are options, as the site file would say them, for each value of
    `recovery` that differs from the defaults. `ailments` are faults that only this engine can have. `scales` says
    within which bounds and by what its number of members follows its load; without it their number is fixed. `gauge`
    shows the load that its members pass on to others. `governs`: members log in to every machine of the site, and ask
    whoever makes its machines for more. `changeover`: its members have two slots, and change by starting in the other
    one, on these terms; it is then rendered for the slot that its view names. `passage` is how one whose members pass
    requests on is told whom to give how many.
    """

    name: str
    summary: str
    claim: Claim
    options: type[O]
    placement: InPool[O] | Beside
    provides: Callable[[O, int], tuple[Provided, ...]]
    requires: Callable[[O], tuple[Required, ...]]
    packages: Callable[[O], tuple[str, ...]]
    render: Callable[[NodeView[O]], Part]
    parse: Callable[[Output], Report[Any]]
    steward: Steward | None = None
    rolling: bool = True
    settle: float = 60.0
    builds: Callable[[O], Recipe] | None = None
    floats: bool = False
    quorum: bool = False
    model: Model | None = None
    calls: Callable[[O], tuple[Destination, ...]] | None = None
    switch: tuple[str, ...] = ()
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    ailments: tuple[Ailment, ...] = ()
    scales: Callable[[O], Scaling] | None = None
    governs: bool = False
    gauge: Gauge | None = None
    changeover: Callable[[O], Changeover] | None = None
    passage: Passage | None = None

    @property
    def is_beside(self) -> bool:
        """It stands beside its consumers, between them and what it uses itself."""
        return isinstance(self.placement, Beside)

    def needed(self, members: int) -> int:
        """How many of so many members must be healthy for the service to be there."""
        return members // 2 + 1 if self.quorum else 1


AnyComponent: TypeAlias = Component[Any]
