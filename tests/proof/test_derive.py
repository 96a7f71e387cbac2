"""The catalogue follows from what the site is made of."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from outlast.contract.registry import discover
from outlast.proof.derive import derive, telling
from outlast.proof.experiment import Experiment, Objective, Role
from outlast.site.load import load
from outlast.site.promises import Survive
from outlast.topology.place import place
from outlast.topology.sections import sections
from outlast.topology.topology import Topology
from tests.toys import grounds

EXAMPLES = Path(__file__).parents[2] / "examples"
FAULTS = frozenset(
    [
        "kill",
        "pause",
        "stop",
        "isolate",
        "partition",
        "one-way",
        "loss",
        "processor",
        "memory",
        "power-off",
        "galera-desync",
        "galera-full-copy",
        "switch",
        "restart",
    ]
)
PRIMARIES = ("database", "coordination", "controller")


@cache
def topology(example: str, *edits: tuple[str, str]) -> Topology:
    text = (EXAMPLES / example / "site.yaml").read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    site = load(text, "site.yaml", sections(discover())).site
    return place(site, discover(), grounds(site), None)


def experiments(
    held: Topology, faults: frozenset[str] = FAULTS, survive: Survive | None = None
) -> dict[str, Experiment]:
    found = derive(held, discover(), PRIMARIES, faults, survive or Survive())
    assert len({experiment.name for experiment in found}) == len(found)
    return {experiment.name: experiment for experiment in found}


def test_the_shop_is_hit_where_it_hurts() -> None:
    found = experiments(topology("shop"))
    assert {
        "database-primary-power-off",
        "database-primary-kill",
        "database-primary-pause",
        "database-primary-partition",
        "database-primary-one-way",
        "database-full-copy",
        "database-switch",
        "database-rolling-restart",
        "database-and-addresses-power-off",
        "database-primary-power-off-unattended",
        "coordination-primary-power-off",
        "edge-any-power-off",
        "addresses-any-kill",
        "web-any-power-off",
        "web-any-kill",
        "dbproxy-any-pause",
        "everything-power-off",
    } <= set(found)


def test_machines_that_serve_several_lose_their_power_once() -> None:
    found = experiments(topology("shop"))
    assert "web-any-power-off" in found
    assert "dbproxy-any-power-off" not in found
    assert "edge-any-power-off" in found
    assert "addresses-any-power-off" not in found


@pytest.mark.parametrize("missing", sorted(FAULTS))
def test_what_cannot_be_inflicted_is_not_tried(missing: str) -> None:
    found = experiments(topology("shop"), FAULTS - {missing})
    assert found
    assert all(hit.fault != missing for each in found.values() for hit in (*each.given, *each.hits))


def test_the_quick_ones_take_each_kind_of_machine_and_tear_at_what_is_written_to() -> None:
    held = topology("shop")
    assert {experiment.name for experiment in telling(experiments(held).values(), held, discover())} == {
        "web-any-power-off",
        "edge-any-power-off",
        "controller-primary-power-off",
        "coordination-primary-power-off",
        "database-primary-power-off",
        "database-primary-kill",
        "database-primary-pause",
        "database-primary-partition",
    }


def test_nobody_is_hit_who_is_alone() -> None:
    alone = topology("shop", ("{ machines: lab }", "{ machines: lab, pools: { edge: 1 } }"), ("min: 2", "min: 1"))
    found = experiments(alone)
    assert not [name for name in found if name.startswith(("web", "edge", "dbproxy", "addresses"))]
    assert "database-primary-power-off" in found


def test_everything_means_every_machine() -> None:
    held = topology("shop")
    services = {hit.aim.service for hit in experiments(held)["everything-power-off"].hits}
    assert {member.machine for member in held.members if member.service in services} == set(held.machine_by_name)
    assert all(hit.aim.role is Role.ALL for hit in experiments(held)["everything-power-off"].hits)


def test_the_writer_is_lost_while_nobody_governs_or_agrees() -> None:
    unattended = experiments(topology("shop"))["database-primary-power-off-unattended"]
    assert {(hit.fault, hit.aim.service, hit.aim.role) for hit in unattended.given} == {
        ("stop", "controller", Role.ALL),
        ("stop", "coordination", Role.ALL),
    }
    assert [(hit.fault, hit.aim.service, hit.aim.role) for hit in unattended.hits] == [
        ("power-off", "database", Role.PRIMARY)
    ]


def test_an_experiment_is_judged_by_what_the_owner_asks_of_its_failure() -> None:
    strict = Survive.model_validate({"machine": {"outage": "300ms", "errors": 0}})
    found = experiments(topology("shop"), survive=strict)
    assert found["database-primary-power-off"].objective == Objective(0.3, 0)
    assert found["database-primary-kill"].objective.outage == Survive().process.outage
