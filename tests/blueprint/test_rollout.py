"""The order of change."""

from __future__ import annotations

from graphlib import TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from outlast.blueprint.blueprint import Stage
from outlast.blueprint.rollout import stages
from outlast.contract.component import InPool
from outlast.contract.interface import Provided, Reach, Required
from outlast.contract.registry import Registry
from outlast.site.schema import Datacenter, Site
from outlast.topology.place import place
from outlast.topology.wire import Wiring
from tests import toys
from tests.topology.sites import toy_sites
from tests.toys import TOYS, Options, grounds, toy

NAMES = ("a", "b", "c", "d", "e")


def rolled(site: Site, registry: Registry = TOYS) -> dict[str, Stage]:
    """The stages of a site by name."""
    topology = place(site, registry, grounds(site), None)
    return {stage.name: stage for stage in stages(topology, Wiring(site, registry, topology))}


def order(found: dict[str, Stage]) -> list[str]:
    """An order in which the stages can be done. Raises `CycleError` when some would wait for ever."""
    return list(TopologicalSorter({name: stage.after for name, stage in found.items()}).static_order())


@given(toy_sites())
def test_every_member_is_in_one_stage_and_nothing_comes_before_what_it_uses(site: Site) -> None:
    topology = place(site, TOYS, grounds(site), None)
    wiring = Wiring(site, TOYS, topology)
    found = rolled(site)
    assert sorted(m for stage in found.values() for m in stage.members) == sorted(m.name for m in topology.members)
    position = {name: number for number, name in enumerate(order(found))}
    assert set(position) == set(found)
    for stage in found.values():
        for provider in wiring.providers(stage.service):
            if (name := f"{stage.datacenter}/{provider}") in found:
                assert position[name] < position[stage.name]


def test_the_stages_of_a_full_site() -> None:
    found = rolled(toys.FULL)
    assert {name: stage.after for name, stage in found.items()} == {
        "east/api": (),
        "east/edge": ("east/shop", "east/api"),
        "east/proxy": ("east/store",),
        "east/shop": ("east/proxy",),
        "east/store": (),
        "east/watch": ("east/edge", "east/store"),
    }
    assert found["east/store"].members == ("east-store-1", "east-store-2", "east-store-3")
    assert found["east/shop"].component == "web"


def test_data_centres_do_not_wait_for_each_other() -> None:
    both = {name: Datacenter(machines="lab") for name in ("east", "west")}
    found = rolled(toys.FULL.model_copy(update={"datacenters": both}))
    assert all(after.startswith(f"{stage.datacenter}/") for stage in found.values() for after in stage.after)


@given(st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES))))
def test_services_that_use_each_other_never_wait_in_a_ring(uses: set[tuple[str, str]]) -> None:
    components = [
        toy(
            name,
            InPool("data", count=lambda _o: 1),
            provides=[Provided(f"of-{name}")],
            requires=[Required(f"of-{other}", Reach.DATACENTER) for user, other in sorted(uses) if user == name],
        )
        for name in NAMES
    ]
    found = rolled(toys.site(engines=dict.fromkeys(NAMES, Options())), toys.registry(*components))
    assert sorted(order(found)) == sorted(found)
    # Only what is in a ring may be released from waiting.
    for user, other in uses:
        if user != other and (user, other) not in ringed(uses):
            assert f"east/{other}" in found[f"east/{user}"].after


def ringed(uses: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The uses that lead back to where they began."""
    reached = set(uses)
    for middle in NAMES:
        reached |= {(a, d) for a, b in reached for c, d in reached if b == c == middle}
    return {(user, other) for user, other in uses if (other, user) in reached}
