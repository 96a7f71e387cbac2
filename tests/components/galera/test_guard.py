"""The guard on the machine: what it does about a member that was cut off, without a machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from outlast.components.galera.component import COMPONENT
from tests.components.galera.views import content, program, view

ALONE = {"wsrep_cluster_status": "non-Primary", "wsrep_cluster_size": "1"}
GONE = {"wsrep_cluster_status": "Disconnected", "wsrep_cluster_size": "0"}
LEAVES, RETURNS, ENDS = "gmcast.isolate=1", "gmcast.isolate=0", "end"


@dataclass
class World:
    """A database that notes what is done to it, and others that stand as `others` says."""

    others: list[str]
    done: list[str] = field(default_factory=list[str])

    def execute(self, statement: str) -> None:
        self.done.append(statement.partition("'")[2].rstrip("'"))

    def ask(self) -> list[str]:
        return self.others

    def end(self) -> None:
        self.done.append(ENDS)


@pytest.fixture
def guard(tmp_path: Path) -> Any:
    module = program("guard")
    module.cluster.MEMBER = tmp_path / "member.json"
    module.cluster.LEAVING = tmp_path / "leaving"
    module.cluster.MEMBER.write_text(content(COMPONENT.render(view()), "/etc/outlast/galera/member.json"))
    return module


def run(guard: Any, *looks: tuple[dict[str, str], list[str]]) -> list[str]:
    """What was done in a row of looks, each a tenth of a second after the one before."""
    world = World([])
    guarding = guard.Guard(world.execute, world.ask, world.end)
    guarding.step({"wsrep_cluster_status": "Primary", "wsrep_cluster_size": "3"}, -0.1)
    for number, (status, others) in enumerate(looks):
        world.others = others
        guarding.step(status, number / 10)
    return world.done


def test_a_member_with_others_is_left_alone(guard: Any) -> None:
    primary = {"wsrep_cluster_status": "Primary", "wsrep_cluster_size": "3"}
    pair = {"wsrep_cluster_status": "non-Primary", "wsrep_cluster_size": "2"}
    last = {"wsrep_cluster_status": "Primary", "wsrep_cluster_size": "1"}
    assert run(guard, *((status, ["primary", "primary"]) for status in (primary, pair, last))) == []


def test_who_has_just_arrived_gets_time_to_see_its_group(guard: Any) -> None:
    world = World(["primary", "primary"])
    guarding = guard.Guard(world.execute, world.ask, world.end)
    for tenths in range(99):
        guarding.step(ALONE, tenths / 10)
    assert world.done == []
    guarding.step(ALONE, guard.ARRIVING)
    assert world.done == [LEAVES, ENDS]


def test_a_member_that_is_cut_off_waits_alive(guard: Any) -> None:
    assert run(guard, *[(ALONE, ["silent", "silent"])] * 50) == [LEAVES]


def test_it_is_ended_only_when_another_one_serves(guard: Any) -> None:
    assert run(guard, (ALONE, ["silent", "silent"]), (ALONE, ["silent", "primary"])) == [LEAVES, ENDS]


def test_members_that_all_came_apart_unite_and_none_is_ended(guard: Any) -> None:
    done = run(guard, (ALONE, ["silent", "silent"]), *[(ALONE, ["other", "silent"])] * 40)
    assert done == [LEAVES, RETURNS]


def test_a_cluster_that_does_not_unite_is_tried_again(guard: Any) -> None:
    done = run(guard, *[(ALONE, ["other", "other"])] * 60)
    assert done == [LEAVES, RETURNS, LEAVES, RETURNS]


def test_a_fresh_start_is_guarded_anew(guard: Any) -> None:
    well = {"wsrep_cluster_status": "Primary", "wsrep_cluster_size": "3"}
    silent = ["silent", "silent"]
    assert run(guard, (ALONE, silent), (well, silent), (ALONE, silent)) == [LEAVES, LEAVES]


def test_a_member_that_left_for_good_is_ended_when_another_one_serves(guard: Any) -> None:
    assert run(guard, *[(GONE, ["silent", "other"])] * 50) == []
    assert run(guard, *[(GONE, ["silent", "primary"])] * 30) == [ENDS]


def test_a_member_that_starts_or_stops_is_not_ended(guard: Any) -> None:
    primary = {"wsrep_cluster_status": "Primary", "wsrep_cluster_size": "3"}
    assert run(guard, *([(GONE, ["primary"])] * 15 + [(primary, ["primary"])]) * 3) == []
    guard.cluster.LEAVING.touch()
    assert run(guard, *[(GONE, ["primary", "primary"])] * 50) == []
