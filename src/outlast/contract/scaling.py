"""Within which bounds the members of a service follow its load, and what of the load they follow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from outlast.contract.season import Season


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a service's own, which its members show under `name` at `path` of their port of that `interface`;
    `each` of them should have so much of it. `shared`: every member shows the same one, such as the length of a queue;
    otherwise theirs are added up."""

    interface: str
    path: str
    name: str
    each: float
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Scaling:
    """Members in each data centre: `least` to `most`. `capacity`: requests that one of them serves well at once;
    `target`: the share of it that should be busy; `latency`: seconds that an answer may take on average, None for no
    limit; `processor`: the share of its machine's processors that each should use, None: whatever it uses; `spare`:
    members beyond what is asked for; `calm`: seconds of lower load before one goes; `seasons`: times with other bounds;
    `metric`: a figure of its own; `because`: what makes the bounds what they are, empty: they are as always."""

    least: int
    most: int
    capacity: float
    target: float
    latency: float | None = None
    processor: float | None = None
    spare: int = 0
    calm: float = 300.0
    seasons: tuple[Season, ...] = ()
    metric: Metric | None = None
    because: str = ""

    def at(self, moment: datetime) -> Scaling:
        """As it is then: of the seasons that are on, those that ask for most."""
        on = [season for season in self.seasons if season.is_on(moment)]
        least = _largest((season.least for season in on), self.least)
        most = _largest((season.most for season in on), self.most)
        because = ", ".join(season.name for season in on)
        return replace(self, least=least, most=max(least, most), seasons=(), because=because)

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the most members that there may ever be."""
        least = [self.least, *(season.least for season in self.seasons if season.least is not None)]
        most = [self.most, *(season.most for season in self.seasons if season.most is not None), *least]
        return min(least), max(most)


def _largest(wishes: Iterable[int | None], usual: int) -> int:
    return max((wish for wish in wishes if wish is not None), default=usual)
