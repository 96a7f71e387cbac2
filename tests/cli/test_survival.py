"""The table of losses: what makes no difference shares a row, and nothing that stops is hidden in one."""

from __future__ import annotations

from rich.console import Console

from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.audit.survival import Outcome, losses, suffer
from outlast.cli.survival import table, whys
from outlast.site.schema import Datacenter, Site
from tests import toys
from tests.blueprint.blueprints import compiled
from tests.toys import TOYS, Options


def outcomes(site: Site) -> tuple[Dependence, list[Outcome]]:
    """Every loss of a site of toys."""
    topology = compiled(site).topology
    dependence = Dependence(site, TOYS, topology)
    return dependence, [suffer(dependence, loss) for loss in losses(topology)]


def rows(site: Site) -> list[str]:
    """Each line of the table, without its colours and with single spaces."""
    console = Console(width=200, color_system=None)
    with console.capture() as caught:
        console.print(table(*outcomes(site)))
    return [" ".join(line.split()) for line in caught.get().splitlines()]


def test_machines_of_a_pool_that_make_no_difference_share_a_row() -> None:
    site = toys.site(apps={"shop": Options(count=3)}, engines={"edge": Options()})
    head, *lines = rows(site)
    assert head == "WITHOUT edge shop"
    assert lines == [
        "any one of east-app-1 to east-app-3 ● ●",
        "any one of east-edge-1 to east-edge-2 ● ●",
        "pool east/app ● ✗",
        "pool east/edge ✗ ✗",
        "data centre east ✗ ✗",
    ]


def test_a_machine_that_matters_has_a_row_of_its_own() -> None:
    site = toys.site(apps={"shop": Options(count=3), "mail": Options(count=1)}, engines={"edge": Options()})
    lines = rows(site)
    alone = [line for line in lines if line.startswith("east-app") and "✗" in line]
    assert len(alone) == 1
    assert [name for name, _ in whys(*outcomes(site))] == [alone[0].split()[0], "pool east/app", "pool east/edge"]


def test_with_two_data_centres_a_cross_says_where() -> None:
    centres = {name: Datacenter(machines="lab") for name in ("east", "west")}
    lines = rows(toys.site(apps={"shop": Options()}, engines={"edge": Options()}, datacenters=centres))
    assert "data centre west ✗ west ✗ west" in lines


def test_a_pool_of_one_machine_is_explained_once() -> None:
    centres = {"east": Datacenter(machines="lab", pools={"edge": 1})}
    site = toys.site(apps={"shop": Options()}, engines={"edge": Options()}, datacenters=centres)
    assert [name for name, _ in whys(*outcomes(site))] == ["east-edge-1", "pool east/app"]
