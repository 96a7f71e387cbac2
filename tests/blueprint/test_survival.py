"""What survives which loss: by examples, and against a slow and plain oracle of the tests' own."""

from __future__ import annotations

import pytest
from hypothesis import given

from outlast.blueprint.audit import audit
from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.audit.survival import LossKind, losses, suffer, verdicts
from outlast.contract.component import InPool
from outlast.contract.interface import Provided, Reach, Required
from outlast.contract.registry import Registry
from outlast.kernel.errors import Finding, Severity
from outlast.site.schema import Datacenter, Site
from tests import toys
from tests.blueprint.blueprints import compiled
from tests.blueprint.survivors import survivors
from tests.topology.sites import toy_sites
from tests.toys import TOYS, Options

VOTES = toys.toy(
    "store",
    InPool("data", count=lambda options: options.count, size=3),
    provides=[Provided("sql", port=3306)],
    requires=[Required("sql", Reach.CLUSTER)],
    quorum=True,
)
VOTING = toys.registry(toys.WEB, toys.EDGE, toys.PROXY, VOTES)
SHOP = {"shop": Options(uses=("database",))}
ENGINES = {"edge": Options(), "proxy": Options(), "store": Options(count=3)}


def whys(site: Site, lost: str, registry: Registry = VOTING) -> dict[str, tuple[bool, str]]:
    """Service to verdict and reason, for one loss in a site with one data centre."""
    topology = compiled(site, registry=registry).topology
    dependence = Dependence(site, registry, topology)
    loss = next(loss for loss in losses(topology) if loss.lost == lost)
    return {v.service: (v.survives, v.why) for v in verdicts(dependence, suffer(dependence, loss))}


def warnings(site: Site, registry: Registry = VOTING) -> list[Finding]:
    found = audit(site, registry, compiled(site, registry=registry))
    return [finding for finding in found if finding.severity is Severity.WARNING]


@pytest.mark.parametrize("registry", [TOYS, VOTING], ids=["any", "votes"])
@given(site=toy_sites())
def test_the_verdicts_and_the_oracle_agree(registry: Registry, site: Site) -> None:
    known = {component.name for component in registry}
    site = site.model_copy(update={"wishes": tuple(wish for wish in site.wishes if wish.component in known)})
    topology = compiled(site, registry=registry).topology
    dependence = Dependence(site, registry, topology)
    for loss in losses(topology):
        told = verdicts(dependence, suffer(dependence, loss))
        goes_on = {(verdict.datacenter, verdict.service) for verdict in told if verdict.survives}
        assert goes_on == survivors(site, registry, topology, set(loss.machines)), loss


def test_every_machine_pool_and_data_centre_is_lost_once() -> None:
    site = toys.site(apps=SHOP, engines=ENGINES, datacenters={n: Datacenter(machines="lab") for n in ("east", "west")})
    topology = compiled(site, registry=VOTING).topology
    kinds = [loss.kind for loss in losses(topology)]
    assert [kinds.count(kind) for kind in LossKind] == [len(topology.machines), 6, 2]


def test_any_one_machine_of_a_good_site_may_be_lost() -> None:
    site = toys.site(apps=SHOP, engines=ENGINES)
    for machine in compiled(site, registry=VOTING).topology.machines:
        assert all(survives for survives, _ in whys(site, machine.name).values())
    assert warnings(site) == []


def test_a_majority_and_what_its_loss_takes_along() -> None:
    site = toys.site(apps=SHOP, engines=ENGINES)
    assert whys(site, "east-data-2")["store"] == (True, "2 of 3 members are left, and it needs 2")
    lost = whys(site, "east/data")
    assert lost["store"] == (False, "all 3 members are lost")
    assert lost["proxy"] == (False, "it needs store, which stops")
    assert lost["shop"] == (False, "it needs proxy, which stops")
    assert lost["edge"] == (True, "nothing of it is lost, but shop, which it uses, stops")


def test_users_come_in_by_the_edge() -> None:
    lost = whys(toys.site(apps=SHOP, engines=ENGINES), "east/edge")
    assert lost["shop"] == (False, "users reach it through edge, which stops")
    assert lost["store"] == (True, "nothing of it is lost")


def test_an_app_on_one_machine_is_a_single_point() -> None:
    site = toys.site(apps={"shop": Options(count=1, uses=("database",))}, engines=ENGINES)
    (finding,) = warnings(site)
    assert (finding.where, finding.what) == ("apps.shop", "losing east-app-1 stops shop")
    assert finding.why == "there is no other member; with it proxy would stop too"
    assert finding.fix == "ask for at least 2 members of shop"


def test_one_edge_machine_is_a_single_point_of_everything_that_users_see() -> None:
    pools = {"east": Datacenter(machines="lab", pools={"edge": 1})}
    (finding,) = warnings(toys.site(apps=SHOP, engines=ENGINES, datacenters=pools))
    assert (finding.where, finding.what) == ("datacenters.east.pools.edge", "losing east-edge-1 stops edge")
    assert finding.why == "there is no other member; with it shop would stop too"
    assert finding.fix == "give pool edge at least 2 machines"


def test_two_votes_are_worse_than_one() -> None:
    site = toys.site(apps=SHOP, engines={**ENGINES, "store": Options(count=2)})
    single, even = warnings(site)
    assert single.what == "losing east-data-1 or east-data-2 stops store"
    assert single.why == "2 of 2 members are needed; with it proxy and shop would stop too"
    assert even.what == "store has 2 votes in east, which is an even number"


def test_members_that_need_one_machine_each_starve_alone() -> None:
    # The proxy of the first machine is gone with it: the app there too, and the other goes on.
    assert whys(toys.site(apps=SHOP, engines=ENGINES), "east-app-1")["shop"] == (True, "1 of 2 members are left")


def test_the_loss_of_one_data_centre_leaves_the_other() -> None:
    centres = {name: Datacenter(machines="lab") for name in ("east", "west")}
    site = toys.site(apps=SHOP, engines=ENGINES, datacenters=centres)
    topology = compiled(site, registry=VOTING).topology
    dependence = Dependence(site, VOTING, topology)
    loss = next(loss for loss in losses(topology) if loss.lost == "east")
    told = verdicts(dependence, suffer(dependence, loss))
    assert {(v.datacenter, v.survives) for v in told} == {("east", False), ("west", True)}
