"""What each member sees of the others."""

from __future__ import annotations

import pytest

from outlast.contract.bundle import Artifact
from outlast.contract.component import Beside, InPool
from outlast.contract.interface import Provided, Reach, Required
from outlast.contract.view import NodeView
from outlast.site.schema import Datacenter, Site
from outlast.topology.place import CHOSEN_PORTS, place
from outlast.topology.wire import Wiring
from tests import toys
from tests.toys import TOYS, Options, grounds, toy

TWO = toys.FULL.model_copy(
    update={"datacenters": {"east": Datacenter(machines="lab"), "west": Datacenter(machines="lab", standby=True)}}
)


def view(site: Site, name: str, artifacts: dict[str, Artifact] | None = None) -> NodeView[Options]:
    """What a member of a toy site sees."""
    topology = place(site, TOYS, grounds(site), None)
    return Wiring(site, TOYS, topology, artifacts).view(topology.member_by_name[name])


def members(seen: NodeView[Options], interface: str) -> list[str]:
    return [endpoint.member for endpoint in seen.using(interface)]


def test_machine_reach_means_this_machine_over_loopback() -> None:
    seen = view(TWO, "east-shop-1")
    (endpoint,) = seen.using("database")
    assert (endpoint.machine, endpoint.address, endpoint.port) == (seen.machine, "127.0.0.1", 3307)
    variable = endpoint.environment[0]
    value = variable.value(address=endpoint.address, port=endpoint.port, site=seen.site, account=seen.service)
    assert value == "db://shop@127.0.0.1:3307/toy"


def test_machine_reach_uses_the_machines_address_where_the_provider_is_not_on_loopback() -> None:
    below = toy("below", InPool("app"), provides=[Provided("base", port=7000)])
    above = toy("above", InPool("app"), requires=[Required("base", Reach.MACHINE)])
    registry = toys.registry(below, above)
    site = toys.site(engines={"above": Options(), "below": Options()})
    topology = place(site, registry, grounds(site), None)
    seen: NodeView[Options] = Wiring(site, registry, topology).view(topology.member_by_name["east-above-1"])
    assert [(e.member, e.address) for e in seen.using("base")] == [("east-below-1", seen.address)]


def test_cluster_reach_means_the_other_members_here() -> None:
    assert members(view(TWO, "east-store-2"), "sql") == ["east-store-1", "east-store-3"]


def test_datacenter_reach_means_every_provider_here() -> None:
    assert members(view(TWO, "west-proxy-1"), "sql") == ["west-store-1", "west-store-2", "west-store-3"]
    assert members(view(TWO, "east-edge-1"), "http-backend") == [
        *("east-shop-1", "east-shop-2"),
        *("east-api-1", "east-api-2", "east-api-3"),
    ]


def test_site_reach_means_every_provider_everywhere() -> None:
    assert members(view(TWO, "west-watch-1"), "https") == ["east-edge-1", "east-edge-2", "west-edge-1", "west-edge-2"]


def test_a_loopback_port_is_seen_from_its_machine_only() -> None:
    far = toy("far", InPool("data", count=lambda _o: 1), requires=[Required("database", Reach.SITE)])
    registry = toys.registry(toys.WEB, toys.PROXY, toys.STORE, far)
    site = toys.site(
        apps={"shop": Options(uses=("database",))}, engines={"store": Options(), "proxy": Options(), "far": Options()}
    )
    topology = place(site, registry, grounds(site), None)
    wiring = Wiring(site, registry, topology)
    assert wiring.view(topology.member_by_name["east-far-1"]).using("database") == ()


def test_clients_are_those_behind_the_proxies_not_the_proxies() -> None:
    assert view(TWO, "east-store-1").clients == ("shop", "watch")
    assert view(TWO, "east-proxy-1").clients == ("shop",)
    assert view(TWO, "east-shop-1").clients == ("edge",)


def test_clients_through_two_proxies_in_a_row() -> None:
    inner = toy(
        "inner",
        Beside("mid"),
        provides=[Provided("mid", port=1, loopback=True)],
        requires=[Required("sql", Reach.SITE)],
    )
    outer = toy(
        "outer",
        Beside("top"),
        provides=[Provided("top", port=2, loopback=True)],
        requires=[Required("mid", Reach.MACHINE)],
    )
    registry = toys.registry(toys.WEB, toys.STORE, outer, inner)
    site = toys.site(
        apps={"shop": Options(uses=("top",))}, engines={"store": Options(), "outer": Options(), "inner": Options()}
    )
    topology = place(site, registry, grounds(site), None)
    wiring = Wiring(site, registry, topology)
    assert wiring.view(topology.member_by_name["east-store-1"]).clients == ("shop",)
    assert wiring.providers("inner") == ("store",)
    assert [m.machine for m in topology.members if m.service == "inner"] == ["east-app-1", "east-app-2"]


def test_a_view_tells_place_peers_ports_and_release() -> None:
    artifact = Artifact("shop", "0" * 12, "/srv/shop")
    seen = view(TWO, "east-shop-2", {"shop": artifact})
    assert (seen.site, seen.domain, seen.datacenter, seen.service, seen.index) == ("toy", "toy.test", "east", "shop", 2)
    assert [(p.member, p.index) for p in seen.peers] == [("east-shop-1", 1), ("east-shop-2", 2)]
    assert [peer.member for peer in seen.others] == ["east-shop-1"]
    assert seen.port("http-backend") in CHOSEN_PORTS
    with pytest.raises(KeyError):
        seen.port("https")
    assert seen.artifact == artifact
    assert view(TWO, "east-api-1", {"shop": artifact}).artifact is None


def test_floating_addresses_are_those_of_the_data_centre() -> None:
    assert [(f.address, f.home) for f in view(TWO, "west-edge-1").floating] == [
        ("10.78.0.254", "west-edge-1"),
        ("10.78.0.253", "west-edge-2"),
    ]


def test_providers_are_the_edges_of_the_graph() -> None:
    wiring = Wiring(TWO, TOYS, place(TWO, TOYS, grounds(TWO), None))
    assert {name: wiring.providers(name) for name in ("shop", "proxy", "store", "edge", "watch")} == {
        "shop": ("proxy",),
        "proxy": ("store",),
        "store": (),
        "edge": ("shop", "api"),
        "watch": ("edge", "store"),
    }
    assert wiring.wish("shop").section == "apps"
    assert wiring.component("shop").name == "web"
