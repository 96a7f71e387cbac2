"""Placement against an auditor that shares no code with it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlast.contract.component import InPool
from outlast.contract.interface import Provided
from outlast.contract.registry import discover
from outlast.kernel.errors import Invalid
from outlast.site.load import load
from outlast.site.schema import Datacenter, Site
from outlast.topology.place import CHOSEN_PORTS, place
from outlast.topology.sections import sections
from outlast.topology.topology import Ground, Topology
from tests import toys
from tests.topology.auditor import faults, moves
from tests.topology.sites import real_texts, toy_sites
from tests.toys import TOYS, Options, grounds, toy


@cache
def real(text: str) -> Site:
    return load(text, "site.yaml", sections(discover())).site


@given(toy_sites())
def test_every_promise_holds_for_any_site(site: Site) -> None:
    assert faults(site, TOYS, place(site, TOYS, grounds(site), None)) == []


@settings(max_examples=30)
@given(real_texts())
def test_every_promise_holds_for_the_real_components(text: str) -> None:
    site = real(text)
    assert faults(site, discover(), place(site, discover(), grounds(site), None)) == []


@given(toy_sites(), toy_sites())
def test_a_change_moves_nothing_that_still_exists(before: Site, after: Site) -> None:
    # Sites whose footprint differs share no machine; a port that the owner says is no longer what was chosen.
    after = said_like(before, after)
    first = place(before, TOYS, grounds(before), None)
    second = place(after, TOYS, grounds(after), first)
    assert faults(after, TOYS, second) == []
    assert moves(first, second, TOYS) == []


def said_like(before: Site, after: Site) -> Site:
    """`after` with the ports of `before` where both have an app."""
    ports = {wish.name: said_port(wish.options) for wish in before.wishes}
    wishes = [
        w.model_copy(update={"options": w.options.model_copy(update={"port": ports.get(w.name, said_port(w.options))})})
        for w in after.wishes
    ]
    return after.model_copy(update={"wishes": tuple(wishes)})


def said_port(options: object) -> int | None:
    assert isinstance(options, Options)
    return options.port


@settings(max_examples=30)
@given(real_texts(), real_texts())
def test_a_change_of_a_real_site_moves_nothing(before: str, after: str) -> None:
    first = place(real(before), discover(), grounds(real(before)), None)
    second = place(real(after), discover(), grounds(real(after)), first)
    assert faults(real(after), discover(), second) == []
    assert moves(first, second, discover()) == []


@given(toy_sites(), st.lists(toy_sites(), max_size=3))
def test_equal_inputs_give_equal_topologies(site: Site, history: list[Site]) -> None:
    parent: Topology | None = None
    for older in history:
        parent = place(older, TOYS, grounds(older), parent)
    placed = place(site, TOYS, grounds(site), parent)
    assert place(site, TOYS, grounds(site), parent) == placed
    assert place(site, TOYS, grounds(site), placed) == placed


@given(toy_sites(), st.integers(26, 28))
def test_a_network_that_is_too_small_is_said_so_and_never_overbooked(site: Site, prefix: int) -> None:
    roomy = place(site, TOYS, grounds(site), None)
    narrow = grounds(site, prefix)
    room = ip_network(narrow[0].network).num_addresses - 12
    wanted = [
        sum(machine.datacenter == name for machine in roomy.machines)
        + sum(floating.datacenter == name for floating in roomy.floating)
        for name in site.datacenters
    ]
    if max(wanted) > room:
        with pytest.raises(Invalid) as refused:
            place(site, TOYS, narrow, None)
        assert f"room for {room}" in refused.value.findings[0].why
    else:
        assert faults(site, TOYS, place(site, TOYS, narrow, None)) == []


def test_another_network_gives_new_addresses() -> None:
    first = place(toys.FULL, TOYS, grounds(toys.FULL), None)
    second = place(toys.FULL, TOYS, [Ground("east", "10.99.0.0/24")], first)
    assert faults(toys.FULL, TOYS, second) == []


def test_members_spread_over_the_emptiest_machines() -> None:
    site = toys.site(apps={"a": Options(count=2), "b": Options(count=2), "c": Options(count=4)})
    placed = place(site, TOYS, grounds(site), None)
    homes = {name: [m.machine for m in placed.members if m.service == name] for name in ("a", "b")}
    assert homes == {"a": ["east-app-1", "east-app-2"], "b": ["east-app-3", "east-app-4"]}


def test_a_port_is_kept_even_when_another_service_would_now_come_first() -> None:
    # Both names lead to the same place in the range: whoever comes later must step aside.
    first, second = colliding()
    early, both = apart(second), apart(first, second)
    before = place(early, PAIRED, grounds(early), None)
    after = place(both, PAIRED, grounds(both), before)
    assert faults(both, PAIRED, after) == []
    assert moves(before, after, PAIRED) == []


def test_a_chosen_port_avoids_those_that_are_said() -> None:
    alone = toys.site(apps={"shop": Options(count=1)})
    chosen = port_of(place(alone, TOYS, grounds(alone), None), "shop")
    both = toys.site(apps={"shop": Options(count=1), "api": Options(count=1, port=chosen)})
    assert faults(both, TOYS, place(both, TOYS, grounds(both), None)) == []


def test_compact_puts_everything_on_three_machines() -> None:
    site = toys.FULL.model_copy(update={"footprint": "compact"})
    placed = place(site, TOYS, grounds(site), None)
    assert [machine.name for machine in placed.machines] == ["east-node-1", "east-node-2", "east-node-3"]
    assert faults(site, TOYS, placed) == []


def test_the_auditor_rejects_bad_topologies() -> None:
    good = place(toys.FULL, TOYS, grounds(toys.FULL), None)
    first, second = good.machines[0], good.machines[1]
    member = good.members[0]
    bad = [
        replace(good, machines=(replace(first, address=second.address), *good.machines[1:])),
        replace(good, machines=(replace(first, address="192.0.2.1"), *good.machines[1:])),
        replace(good, machines=(replace(first, address="10.77.0.1"), *good.machines[1:])),
        replace(good, members=good.members[1:]),
        replace(good, members=(member, *good.members)),
        replace(good, members=(replace(member, machine=good.members[1].machine), *good.members[1:])),
        replace(good, members=(replace(member, machine="nowhere"), *good.members[1:])),
        replace(good, floating=(replace(good.floating[0], address=first.address), *good.floating[1:])),
        replace(good, floating=()),
    ]
    assert all(faults(toys.FULL, TOYS, topology) for topology in bad)
    assert moves(good, replace(good, machines=(replace(first, address="10.77.0.99"), *good.machines[1:])), TOYS)


PAIRED = toys.registry(
    toy("web", InPool("app", count=lambda _o: 1), provides=[Provided("x"), Provided("y", port=9100)], many=True)
)
"""Apps with a chosen port and, after it, one that is always the same."""


def apart(*apps: str) -> Site:
    """Such apps, each on a machine of its own."""
    pools = {"east": Datacenter(machines="lab", pools={"app": 2})}
    return toys.site(apps={name: Options() for name in apps}, datacenters=pools)


def colliding() -> tuple[str, str]:
    """Two names, in order, whose services would choose the same port when alone."""
    seen: dict[int, str] = {}
    for number in range(len(CHOSEN_PORTS)):
        name = f"app-{number:05}"
        port = port_of(place(apart(name), PAIRED, grounds(apart(name)), None), name)
        if port in seen:
            return seen[port], name
        seen[port] = name
    raise AssertionError("no two names collide")


def port_of(topology: Topology, service: str) -> int:
    return next(m.ports[0][1] for m in topology.members if m.service == service)
