"""How many members what scales has: within the owner's bounds, kept, and changed only when somebody asks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from outlast.contract.registry import discover
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.place import place
from outlast.topology.sections import sections
from outlast.topology.sizes import bounds, kept
from outlast.topology.topology import Ground, Topology

REGISTRY = discover()
TEXT = """
site: shop
domain: shop.test
datacenters: {{ east: {{ machines: lab }} }}
apps:
  web: {{ source: ./app, run: serve, scale: {{ min: {least}, max: {most} }} }}
  api: {{ source: ./app, run: serve, routes: [/api], scale: {{ min: 1 }} }}
"""
GROUNDS = (Ground("east", "10.0.0.0/16"),)
WEB = ("east", "web")


def site(least: int = 2, most: int = 8) -> Site:
    return load(TEXT.format(least=least, most=most), "site.yaml", sections(REGISTRY)).site


def placed(wish: Site, members: int, parent: Topology | None = None) -> Topology:
    return place(wish, REGISTRY, GROUNDS, parent, kept(wish, REGISTRY, parent, {WEB: members}))


def test_bounds_are_those_of_the_file() -> None:
    assert bounds(site(3, 5), REGISTRY) == {"web": (3, 5), "api": (1, 8)}


def test_at_first_there_are_as_few_as_may_be() -> None:
    assert kept(site(), REGISTRY, None) == {WEB: 2, ("east", "api"): 1}


def test_what_grew_stays_and_what_the_owner_bounds_is_bounded() -> None:
    grown = placed(site(), 5)
    assert kept(site(), REGISTRY, grown)[WEB] == 5
    assert kept(site(2, 4), REGISTRY, grown)[WEB] == 4
    assert kept(site(6, 8), REGISTRY, grown)[WEB] == 6


@given(st.lists(st.integers(min_value=2, max_value=8), min_size=1, max_size=6))
def test_growth_and_shrinking_move_nobody(course: list[int]) -> None:
    wish, parent = site(), None
    homes: dict[str, str] = {}
    for members in course:
        topology = placed(wish, members, parent)
        assert len(topology.clusters[WEB]) == members
        assert len([machine for machine in topology.machines if machine.pool == "app"]) == members
        now = {member.name: member.machine for member in topology.members}
        assert all(homes[name] == home for name, home in now.items() if name in homes)
        homes, parent = now, topology
