"""The load of a service, from what its edges tell; what one of them does not tell makes it unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from outlast.contract.gauge import Gauge, Load
from outlast.controller.beat import Beat, Rhythm
from outlast.controller.hearing import Hearing, Reading
from outlast.controller.listening import listenings
from outlast.controller.loads import loads
from outlast.policy.observation import Fact, Known, LoadSeen, MachineSeen, Presence, Unknown
from tests.blueprint.blueprints import compiled
from tests.toys import EDGE, FULL, PROXY, STORE, WATCH, WEB, registry

GAUGED = registry(WEB, replace(EDGE, gauge=Gauge("/run/edge", "how much\n", lambda _: ())), STORE, PROXY, WATCH)
BLUEPRINT = compiled(FULL, registry=GAUGED)
LISTENINGS = listenings(BLUEPRINT, GAUGED, Rhythm())
EDGES = {member: name for name, where in LISTENINGS.items() for member in where.tenants if "edge" in member}
ONE, TWO = sorted(EDGES)
ON = Known(Presence.ON, 9.0)
LINE: dict[str, Any] = {
    **dict.fromkeys(("worked", "memory", "free")),
    **{name: {} for name in ("units", "used", "probes", "metrics", "gauges")},
    "beat": 0,
    "boot": "one",
    "up": 5.0,
    "processors": 2.0,
}


def seen(one: Hearing, two: Hearing, presence: Fact[Presence] = ON) -> LoadSeen:
    """The load of the shop, with what its two edges told; `presence` of the second one."""
    hearings = {**dict.fromkeys(LISTENINGS, Hearing(heard=9.0)), EDGES[ONE]: one, EDGES[TWO]: two}
    machines = {name: MachineSeen(presence if name == EDGES[TWO] else ON, h.heard) for name, h in hearings.items()}
    found = loads(BLUEPRINT.topology, LISTENINGS, hearings, machines)
    assert set(found) == {f"{dc}/{service}" for dc, service in BLUEPRINT.topology.clusters}
    return found["east/shop"]


def test_members_tell_what_they_use_of_their_processors() -> None:
    shops = BLUEPRINT.topology.clusters["east", "shop"]
    beat = Beat.model_validate(LINE)
    told = {m.machine: Hearing(9.0, beat, readings={m.name: (Reading(1.0, 0.0), Reading(5.0, 6.0))}) for m in shops}
    hearings = {name: told.get(name, Hearing(heard=9.0)) for name in LISTENINGS}
    machines = {name: MachineSeen(ON, hearing.heard) for name, hearing in hearings.items()}
    first, second = shops
    assert processors(hearings, machines) == {first.name: Known(0.75, 9.0), second.name: Known(0.75, 9.0)}
    # Who does not tell is unknown; who is certainly not there uses nothing.
    mute = {**hearings, first.machine: Hearing(heard=9.0)}
    assert isinstance(processors(mute, machines)[first.name], Unknown)
    off = {**machines, first.machine: MachineSeen(Known(Presence.OFF, 9.5), 9.0)}
    assert processors(hearings, off) == {second.name: Known(0.75, 9.0)}


def test_members_show_figures_of_their_own() -> None:
    first, second = BLUEPRINT.topology.clusters["east", "shop"]
    hearings = {name: Hearing(heard=9.0) for name in LISTENINGS}
    hearings[first.machine] = Hearing(heard=9.0, figures={first.name: Known(12.0, 8.5)})
    machines = {name: MachineSeen(ON, hearing.heard) for name, hearing in hearings.items()}
    shown = loads(BLUEPRINT.topology, LISTENINGS, hearings, machines)["east/shop"].metrics
    assert shown == {first.name: Known(12.0, 8.5), second.name: Unknown("it has shown none yet")}


def processors(hearings: dict[str, Hearing], machines: dict[str, MachineSeen]) -> Mapping[str, Fact[float]]:
    return loads(BLUEPRINT.topology, LISTENINGS, hearings, machines)["east/shop"].processors


def telling(member: str, *loads: Load, at: float = 9.0) -> Hearing:
    return Hearing(heard=at, loads={member: Known(loads, at)})


BUSY = Load("shop", 7, 30, 0.2, 2)


def test_edges_are_summed_as_of_the_older_one() -> None:
    shop = seen(telling(ONE, BUSY), telling(TWO, Load("shop", 5, 10, 0.4, 2), at=8.0))
    assert (shop.busy, shop.rate) == (Known(12.0, 8.0), Known(40.0, 8.0))
    assert isinstance(shop.mean, Known)
    assert round(shop.mean.value, 6) == 0.25


def test_a_service_that_no_edge_shows_is_unknown() -> None:
    assert isinstance(seen(telling(ONE), telling(TWO, Load("api", 1, 1, 0.1, 1))).busy, Unknown)


def test_the_average_of_an_edge_without_requests_does_not_count() -> None:
    idle = Load("shop", 1, 0, 9.0, 2)
    assert seen(telling(ONE, BUSY), telling(TWO, idle)).mean == Known(0.2, 9.0)
    assert isinstance(seen(telling(ONE, idle), telling(TWO, idle)).mean, Unknown)


@pytest.mark.parametrize("mute", [Hearing(), Hearing(heard=9.0, loads={TWO: Unknown("its gauge does not answer")})])
def test_an_edge_that_does_not_tell_makes_it_unknown(mute: Hearing) -> None:
    for presence in (ON, Unknown("its provider does not answer")):
        busy = seen(telling(ONE, BUSY), mute, presence).busy
        assert isinstance(busy, Unknown)
        assert busy.because.startswith(TWO)


@pytest.mark.parametrize("presence", [Presence.OFF, Presence.ABSENT])
def test_an_edge_that_is_known_to_be_off_has_no_load(presence: Presence) -> None:
    other = telling(TWO, BUSY, at=5.0)
    assert seen(telling(ONE, BUSY), other, Known(presence, 6.0)).busy == Known(7.0, 9.0)
    # What speaks is there, whatever its provider said before.
    assert seen(telling(ONE, BUSY), other, Known(presence, 4.0)).busy == Known(14.0, 5.0)


def test_an_edge_whose_service_has_no_processes_has_no_load() -> None:
    fell = Hearing(heard=9.0, fell={TWO: 9.0}, loads={TWO: Unknown("its gauge does not answer")})
    assert seen(telling(ONE, BUSY), fell).busy == Known(7.0, 9.0)
    assert isinstance(seen(telling(ONE, BUSY), replace(fell, heard=10.0)).busy, Unknown)
