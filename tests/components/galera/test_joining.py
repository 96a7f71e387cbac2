"""How a member is told to join, and what is done when it does not get in, without a machine."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from outlast.components.galera.component import COMPONENT
from tests.components.galera.views import content, program, view

CONFIG = "/etc/outlast/galera/my.cnf"


@dataclass
class World:
    """Others that stand as `others` says, and a folder that Galera writes to."""

    folder: Path
    others: list[str] = field(default_factory=lambda: ["primary", "other"])
    ended: list[int] = field(default_factory=list[int])

    def ask(self) -> list[str]:
        return self.others

    def end(self, pid: int) -> None:
        self.ended.append(pid)


@pytest.fixture
def joining(tmp_path: Path) -> Any:
    module = program("joining")
    module.cluster.STARTED = tmp_path / "started.json"
    module.cluster.CONFIG = str(tmp_path / "my.cnf")
    module.VIEW, module.COPYING = tmp_path / "gvwstate.dat", tmp_path / "sst_in_progress"
    module.PROGRAM = Path(f"/proc/{os.getpid()}/comm").read_text("utf-8").strip()
    return module


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def started(joining: Any, joins: float | None = 100.0, pid: int | None = None) -> None:
    run = {"invocation": "one", "pid": pid or os.getpid(), "since": 90.0, "joins": joins}
    joining.cluster.STARTED.write_text(json.dumps(run))


def watched(joining: Any, world: World, *moments: float) -> list[int]:
    """Who was ended when it was looked at in these moments."""
    entry = joining.Joining(world.ask, world.end)
    for now in moments:
        entry.step(now)
    return world.ended


def test_all_that_my_cnf_says_to_galera_holds_for_who_joins_at_once(joining: Any) -> None:
    text = content(COMPONENT.render(view()), CONFIG)
    Path(joining.cluster.CONFIG).write_text(text)
    said = next(line for line in text.splitlines() if line.startswith("wsrep_provider_options")).partition('"')[2]
    assert "evs.suspect_timeout" in said
    own = "pc.wait_prim=no;evs.suspect_timeout=PT1S"
    assert joining.options() == f"--wsrep-provider-options={said.rstrip(chr(34))};{own}"


def test_who_has_arrived_suspects_others_as_fast_as_they_do(joining: Any) -> None:
    said: list[str] = []
    arrival = joining.Arrival(said.append)
    arrival.step({})
    arrival.step({"wsrep_cluster_status": "non-Primary"})
    assert said == []
    arrival.step({"wsrep_cluster_status": "Primary"})
    arrival.step({"wsrep_cluster_status": "Primary"})
    assert said == ["SET GLOBAL wsrep_provider_options = 'evs.suspect_timeout=PT0.4S'"]


def test_who_does_not_get_in_starts_anew_after_half_a_minute(joining: Any, world: World) -> None:
    started(joining)
    assert watched(joining, world, 101.0, 129.0) == []
    assert watched(joining, world, 130.0) == [os.getpid()]


def test_nobody_is_ended_while_no_other_one_serves(joining: Any, world: World) -> None:
    started(joining)
    world.others = ["other", "silent"]
    assert watched(joining, world, 130.0, 160.0, 900.0) == []


def test_who_was_in_once_is_left_alone_whatever_a_copy_does_to_its_folder(joining: Any, world: World) -> None:
    started(joining)
    entry = joining.Joining(world.ask, world.end)
    joining.VIEW.touch()
    entry.step(101.0)
    joining.VIEW.unlink()
    entry.step(140.0)
    assert world.ended == []


def test_a_copy_may_take_hours(joining: Any, world: World) -> None:
    started(joining)
    joining.COPYING.touch()
    assert watched(joining, world, 5000.0) == []


def test_who_waits_by_itself_gives_up_by_itself(joining: Any, world: World) -> None:
    started(joining, joins=None)
    assert watched(joining, world, 900.0) == []


def test_before_the_first_start_there_is_nothing_to_do(joining: Any, world: World) -> None:
    assert watched(joining, world, 900.0) == []


def test_a_number_that_is_another_programs_by_now_is_left_alone(joining: Any, world: World) -> None:
    started(joining, pid=1)
    joining.PROGRAM = "mariadbd"
    assert watched(joining, world, 900.0) == []


def test_the_next_run_is_looked_at_anew(joining: Any, world: World) -> None:
    started(joining)
    joining.VIEW.touch()
    entry = joining.Joining(world.ask, world.end)
    entry.step(101.0)
    joining.VIEW.unlink()
    run = {"invocation": "two", "pid": os.getpid(), "since": 190.0, "joins": 200.0}
    joining.cluster.STARTED.write_text(json.dumps(run))
    entry.step(229.0)
    assert world.ended == []
    entry.step(231.0)
    assert world.ended == [os.getpid()]
