"""Each finding of the audit, with a hand-made blueprint that it must reject."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from outlast.blueprint.audit import audit
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import MemberPart, Part
from outlast.contract.component import InPool
from outlast.contract.interface import Provided
from outlast.kernel.errors import Finding, Severity, failing
from outlast.site.schema import Datacenter, Site
from outlast.topology.place import place
from outlast.topology.topology import Ground, Machine, Member, Topology
from tests import toys
from tests.blueprint.blueprints import compiled, file, service
from tests.topology.auditor import faults
from tests.topology.sites import toy_sites
from tests.toys import TOYS, Options

GOOD = compiled(toys.FULL)


def findings(blueprint: Blueprint, site: Site = toys.FULL) -> list[Finding]:
    """The errors. What the loss of one machine stops is a warning: see `test_alone.py`."""
    return list(failing(audit(site, TOYS, blueprint)))


def with_topology(**changes: object) -> Blueprint:
    """The good blueprint on a changed topology."""
    return replace(GOOD, topology=replace(GOOD.topology, **changes))


def machines(*changed: Machine) -> tuple[Machine, ...]:
    """The good machines, some of them changed."""
    by_name = {machine.name: machine for machine in changed}
    return tuple(by_name.get(machine.name, machine) for machine in GOOD.topology.machines)


def members(*changed: Member) -> tuple[Member, ...]:
    """The good members, some of them changed."""
    by_name = {member.name: member for member in changed}
    return tuple(by_name.get(member.name, member) for member in GOOD.topology.members)


def test_a_good_blueprint_has_no_findings() -> None:
    assert findings(GOOD) == []


@given(toy_sites())
def test_the_audit_and_the_auditor_of_the_tests_agree(site: Site) -> None:
    blueprint = compiled(site)
    assert faults(site, TOYS, blueprint.topology) == []
    wrong = [f for f in audit(site, TOYS, blueprint) if "wants" not in f.what and "uses" not in f.what]
    assert all(finding.severity is Severity.WARNING for finding in wrong)


def test_an_interface_that_nobody_provides() -> None:
    site = toys.site(apps={"shop": Options(uses=("database",))})
    (finding,) = findings(compiled(site), site)
    assert finding.where == "shop"
    assert finding.what == "it uses `database`, which nobody provides"
    assert "east-shop-" in finding.why


def test_an_optional_interface_and_the_peers_of_a_single_member_are_no_findings() -> None:
    site = toys.site(engines={"edge": Options(), "store": Options(count=1)})
    assert findings(compiled(site), site) == []


def test_an_address_given_twice() -> None:
    first, second = GOOD.topology.machines[:2]
    (finding,) = findings(with_topology(machines=machines(replace(second, address=first.address))))
    assert (finding.where, finding.what) == (second.name, f"{first.address} is given twice")
    assert first.name in finding.why


def test_a_floating_address_that_a_machine_has() -> None:
    held = replace(GOOD.topology.floating[0], address=GOOD.topology.machines[0].address)
    (finding,) = findings(with_topology(floating=(held, *GOOD.topology.floating[1:])))
    assert "the floating address of east-edge-1" in finding.where
    assert GOOD.topology.machines[0].name in finding.why


def test_an_address_outside_its_network() -> None:
    first = replace(GOOD.topology.machines[0], address="192.0.2.1")
    (finding,) = findings(with_topology(machines=machines(first)))
    assert finding.what == "192.0.2.1 is outside its network"
    assert "10.77.0.0/24" in finding.why


def test_a_port_wanted_twice_is_found_where_the_owner_can_change_it() -> None:
    site = toys.site(
        apps={"shop": Options(count=1, port=5000), "api": Options(count=1, port=5000)},
        datacenters={"east": Datacenter(machines="lab", pools={"app": 1})},
    )
    (finding,) = findings(compiled(site), site)
    assert (finding.where, finding.what) == ("apps.api.port", "port 5000 is wanted twice on east-app-1")
    assert "shop and api" in finding.why


def test_a_port_wanted_by_an_app_and_an_engine_is_the_apps_to_change() -> None:
    site = toys.site(apps={"shop": Options(count=1, port=3306)}, engines={"store": Options(count=1)}, compact=True)
    # Placement would spread the two over the three machines: put them on one.
    blueprint = compiled(site)
    store = blueprint.topology.member_by_name["east-store-1"]
    shop = replace(blueprint.topology.member_by_name["east-shop-1"], machine=store.machine)
    bad = replace(blueprint, topology=replace(blueprint.topology, members=(shop, store)))
    (finding,) = findings(bad, site)
    assert finding.where == "apps.shop.port"


def test_loopback_and_the_machines_own_address_each_have_the_port() -> None:
    # As with a database and the proxy to it, both of which listen on the port that everybody knows.
    site = toys.site(
        apps={"shop": Options(uses=("database",))},
        engines={"proxy": Options(), "store": Options(count=3)},
        compact=True,
    )
    pool: InPool[Options] = InPool("data", count=lambda options: options.count, size=3)
    store = toys.toy("store", pool, provides=[Provided("sql", port=3307)])
    shared = toys.registry(toys.WEB, toys.PROXY, store)
    assert failing(audit(site, shared, compiled(site, registry=shared))) == ()


def test_what_listens_at_every_address_has_its_port_alone() -> None:
    site = toys.site(
        apps={"shop": Options(uses=("database",))}, engines={"proxy": Options(), "edge": Options()}, compact=True
    )
    edge = toys.toy("edge", InPool("edge", size=2), provides=[Provided("https", port=3307, public=True)])
    shared = toys.registry(toys.WEB, toys.PROXY, edge)
    found = failing(audit(site, shared, compiled(site, registry=shared)))
    assert {f.what for f in found if "port" in f.what} == {
        f"port 3307 is wanted twice on east-node-{index}" for index in (1, 2)
    }


def test_a_pool_that_is_too_small() -> None:
    site = toys.site(
        engines={"edge": Options(), "store": Options(count=5)},
        datacenters={"east": Datacenter(machines="lab", pools={"data": 2})},
    )
    (finding,) = findings(compiled(site), site)
    assert (finding.where, finding.what) == ("datacenters.east.pools.data", "store wants 5 members and gets 2")


def test_too_many_members_for_the_compact_footprint() -> None:
    site = toys.site(apps={"shop": Options(count=4)}, compact=True)
    (finding,) = findings(compiled(site), site)
    assert finding.what == "shop wants 4 members and gets 3"
    assert "footprint: spread" in finding.fix


def test_a_mesh_that_is_too_large_is_a_warning() -> None:
    def warnings(count: int) -> list[str]:
        site = toys.site(engines={"store": Options(count=count)})
        grounds = [Ground("east", "10.77.0.0/16")]
        topology = place(site, TOYS, grounds, None)
        return [f.what for f in audit(site, TOYS, Blueprint(1, 0, topology, (), (), ()))]

    assert warnings(500) == []
    assert warnings(501) == ["501 members of store all talk to each other"]


def test_two_members_of_a_service_on_one_machine() -> None:
    one, two = (GOOD.topology.member_by_name[f"east-store-{index}"] for index in (1, 2))
    found = findings(with_topology(members=members(replace(two, machine=one.machine))))
    assert [(f.where, f.what) for f in found] == [(one.machine, "holds 2 members of store")]


def test_a_file_and_a_service_with_two_owners() -> None:
    part = Part(files=(file("/etc/hosts"),), services=(service(),))
    first = GOOD.bundles[0]
    twice = replace(first, parts=(*first.parts, MemberPart("intruder", part), MemberPart("other", part)))
    found = findings(replace(GOOD, bundles=(twice, *GOOD.bundles[1:])))
    assert {f.what for f in found} == {"/etc/hosts has two owners", "s.service has two owners"}
    assert "the base and intruder both write it" in {f.why for f in found}


def test_every_finding_is_reported_at_once() -> None:
    first, second = GOOD.topology.machines[:2]
    bad: Topology = replace(
        GOOD.topology,
        machines=machines(replace(second, address=first.address)),
    )
    part = Part(files=(file("/etc/hosts"),))
    bundle = replace(GOOD.bundles[0], parts=(*GOOD.bundles[0].parts, MemberPart("intruder", part)))
    assert len(findings(replace(GOOD, topology=bad, bundles=(bundle, *GOOD.bundles[1:])))) == 2
