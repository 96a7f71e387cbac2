"""Machines on servers that the owner has: who is where, and what moves when the list changes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from outlast.site.schema import Datacenter, Server, Site
from outlast.topology.place import place
from outlast.topology.topology import Topology
from tests import toys
from tests.toys import TOYS, Options, grounds

POOLS = ("app", "data", "edge")
LAST = 40


def server(number: int, pool: str = "", *, lost: bool = False) -> Server:
    return Server(address=f"10.77.0.{number}", pool=pool or None, spare=not pool, lost=lost)


def site(*servers: Server, compact: bool = False) -> Site:
    east = Datacenter(
        machines="ssh", network="10.77.0.0/24", floating=("10.77.0.201", "10.77.0.202"), servers=tuple(servers)
    )
    engines = {"edge": Options(), "store": Options(count=3)}
    return toys.site(apps={"shop": Options()}, engines=engines, datacenters={"east": east}, compact=compact)


def placed(wish: Site, parent: Topology | None = None) -> Topology:
    return place(wish, TOYS, grounds(wish), parent)


def homes(topology: Topology) -> dict[str, int]:
    """Machine to the last number of its address."""
    return {machine.name: int(machine.address.rpartition(".")[2]) for machine in topology.machines}


EDGES = (server(11, "edge"), server(12, "edge"))
APPS = (server(21, "app"), server(22, "app"))
DATA = (server(31, "data"), server(32, "data"), server(33, "data"))
SPARES = (server(38), server(39))
ALL = (*EDGES, *APPS, *DATA, *SPARES)


def test_machines_are_the_servers_of_their_pools_and_spares_stay_unused() -> None:
    topology = placed(site(*ALL))
    assert homes(topology) == {
        "east-app-1": 21,
        "east-app-2": 22,
        "east-data-1": 31,
        "east-data-2": 32,
        "east-data-3": 33,
        "east-edge-1": 11,
        "east-edge-2": 12,
    }
    assert [(f.address, f.home) for f in topology.floating] == [
        ("10.77.0.201", "east-edge-1"),
        ("10.77.0.202", "east-edge-2"),
    ]


def test_the_order_of_the_list_means_nothing_once_machines_are_placed() -> None:
    first = placed(site(*ALL))
    assert placed(site(*reversed(ALL)), first) == first


def test_a_lost_server_is_replaced_by_a_spare_under_its_machines_name() -> None:
    first = placed(site(*ALL))
    gone = (*EDGES, *APPS, server(31, "data"), server(32, "data", lost=True), server(33, "data"), *SPARES)
    second = placed(site(*gone), first)
    assert homes(second) == {**homes(first), "east-data-2": 38}
    assert placed(site(*gone), second) == second
    # The owner tidies the list: the spare becomes what it is.
    tidy = (*EDGES, *APPS, server(31, "data"), server(33, "data"), server(38, "data"), server(39))
    assert placed(site(*tidy), second).machines == second.machines


def test_two_pools_never_take_the_same_spare() -> None:
    first = placed(site(*ALL))
    gone = (server(11, "edge", lost=True), server(12, "edge"), server(21, "app", lost=True), server(22, "app"))
    after = homes(placed(site(*gone, *DATA, *SPARES), first))
    assert (after["east-app-1"], after["east-edge-1"]) == (38, 39)


def test_without_a_spare_the_machine_is_gone() -> None:
    first = placed(site(*EDGES, *APPS, *DATA))
    gone = (*EDGES, server(21, "app", lost=True), server(22, "app"), *DATA)
    assert "east-app-1" not in homes(placed(site(*gone), first))


def test_removing_a_server_takes_its_own_machine_and_no_other() -> None:
    first = placed(site(*ALL))
    after = placed(site(*EDGES, *APPS, *DATA[1:], *SPARES), first)
    assert homes(after) == {name: home for name, home in homes(first).items() if name != "east-data-1"}


def test_all_servers_that_are_no_spares_are_in_the_one_pool_of_compact() -> None:
    servers = [Server(address=f"10.77.0.{number}") for number in (11, 12, 13)]
    assert homes(placed(site(*servers, server(14), compact=True))) == {
        "east-node-1": 11,
        "east-node-2": 12,
        "east-node-3": 13,
    }


def test_an_edge_keeps_its_floating_address() -> None:
    first = placed(site(*ALL))
    after = placed(site(server(10, "edge"), *EDGES[1:], *APPS, *DATA, *SPARES), first)
    kept = {f.home: f.address for f in first.floating}
    assert [f.address for f in after.floating if f.home == "east-edge-2"] == [kept["east-edge-2"]]


@st.composite
def lists(draw: st.DrawFn) -> tuple[Server, ...]:
    numbers = draw(st.lists(st.integers(11, LAST), unique=True, min_size=3, max_size=12))
    roles = st.sampled_from([*POOLS, *POOLS, ""])
    return tuple(
        server(number, role, lost=bool(role) and draw(st.integers(0, 4)) == 0)
        for number, role in ((number, draw(roles)) for number in numbers)
    )


@given(lists(), lists())
def test_whatever_changes_nobody_moves_without_need(before: tuple[Server, ...], after: tuple[Server, ...]) -> None:
    first = placed(site(*before))
    second = placed(site(*after), first)
    usable = {s.address: s.pool for s in after if not s.lost}
    assert all(usable[m.address] in (None, m.pool) for m in second.machines), "on a server that is not for it"
    assert max(Counter(m.address for m in second.machines).values(), default=1) == 1
    assert max(Counter(m.name for m in second.machines).values(), default=1) == 1
    # Every server that stands and had a machine of its pool has the same one now.
    was = {(m.address, m.pool): m.name for m in first.machines}
    now = {(m.address, m.pool): m.name for m in second.machines}
    standing = {(s.address, s.pool) for s in after if s.pool and not s.lost}
    assert {place: name for place, name in was.items() if place in standing} == {
        place: name for place, name in now.items() if place in standing and place in was
    }
    assert standing <= set(now), "a server without a machine"
    # A server that becomes a spare is one only when its machine is gone: one step later.
    third = placed(site(*after), second)
    assert placed(site(*after), third) == third, "it does not come to rest"
