"""What a controller gets on its machine, and what its probe concludes of what it said."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from outlast.components.controller.component import COMPONENT
from outlast.components.controller.options import ControllerOptions
from outlast.components.controller.probe import STALE
from outlast.contract.bundle import Artifact, Part
from outlast.contract.controller import ASSIGNMENT, Assignment, Condition, Duty
from outlast.contract.identity import AUTHORITY
from outlast.contract.interface import Endpoint
from outlast.contract.probe import Health, Output
from outlast.contract.registry import discover
from tests.components.edge_views import ADDRESS, content, example, unit, view

RELEASE = Artifact("controller", "0a1b2c", "/srv/outlast/controller/0a1b2c")
SERVICE = "outlast-controller.service"
NOW = "1000.25"


def part(index: int = 2, artifact: Artifact | None = RELEASE) -> Part:
    endpoints = tuple(
        Endpoint("etcd-client", "coordination", f"east-etcd-{n}", f"east-data-{n}", "east", address, 2379)
        for n, address in ((n, ADDRESS[f"east-data-{n}"]) for n in (1, 2, 3))
    )
    return COMPONENT.render(view(COMPONENT, "data", index=index, endpoints=endpoints, artifact=artifact))


def seen(state: str, condition: Condition | None) -> Output:
    said = condition.model_dump_json() if condition else ""
    return Output(0, f"{state}\n{said}\n{NOW}\n", "")


def test_it_is_told_who_it_is_and_asks_its_own_machine_first() -> None:
    told = Assignment.model_validate_json(content(part(), ASSIGNMENT))
    assert (told.site, told.datacenter, told.member, told.machine) == (
        "shop",
        "east",
        "east-controller-2",
        "east-data-2",
    )
    assert told.endpoints == tuple(f"https://10.0.0.{n}:2379" for n in (16, 15, 17))
    files = {file.path: file for file in part().files}
    assert {told.certificate, told.key} <= set(files)
    assert files[told.key].mode == 0o600
    assert [wanted.name for wanted in part().certificates] == [told.member]


def test_it_runs_its_own_release_and_disturbs_nobody() -> None:
    lines = unit(part(), SERVICE).splitlines()
    start = "ExecStart=/srv/outlast/controller/0a1b2c/.venv/bin/python -m outlast.controller.run"
    assert f"{start} {ASSIGNMENT}" in lines
    for setting in ("StateDirectory=outlast-controller", "StateDirectoryMode=0700", "Nice=5", "Restart=always"):
        assert setting in lines
    assert any(line.startswith("MemoryMax=") for line in lines)
    assert part().artifacts == (RELEASE,)
    assert set(part().services[0].restart_on) == {AUTHORITY, *(file.path for file in part().files)}


def test_before_its_release_is_there_it_gets_its_files() -> None:
    assert part(artifact=None).services == ()
    assert part(artifact=None).files == part().files


@pytest.mark.parametrize("members", [-1, 2, 4])
def test_a_number_that_helps_nobody_is_refused(members: int) -> None:
    with pytest.raises(ValidationError, match="only wait for its end"):
        ControllerOptions.model_validate({"members": members})


def test_the_example_is_valid_and_says_the_defaults() -> None:
    assert example(discover().example("controller"), COMPONENT) == ControllerOptions.model_validate({})


def test_leader_standby_and_who_waits_for_a_site_are_healthy() -> None:
    leads = Condition(at=999.5, role=Duty.LEADER, since=940.0, tenure=51, doing="nothing is wrong")
    stands = Condition(at=999.5, role=Duty.STANDBY, since=990.0, waiting_on=("east-controller-1 leads",))
    waits = Condition(at=999.5, role=Duty.WAITING, since=1.0)
    for condition, role, because in (
        (leads, "leader", "has led for 60 s (tenure 51): nothing is wrong"),
        (stands, "standby", "has stood by for 10 s; waits for east-controller-1 leads"),
        (waits, "waiting", "waits until `outlast up` hands the site over"),
    ):
        report = COMPONENT.parse(seen("active", condition))
        assert (report.health, report.role, report.because) == (Health.HEALTHY, role, because)


def test_who_falls_silent_or_stopped_is_unhealthy() -> None:
    frozen = Condition(at=1000.25 - STALE - 1, role=Duty.LEADER, since=1.0)
    assert COMPONENT.parse(seen("active", frozen)).because == "runs, and said nothing for 11 s"
    for state, condition in (("active", frozen), ("active", None), ("failed", None), ("", None)):
        assert COMPONENT.parse(seen(state, condition)).health is Health.UNHEALTHY


def test_what_cannot_be_read_is_unknown() -> None:
    for output in (Output(124, "", ""), Output(1, "", "sh: no"), Output(0, "active\n{}\n1.5\n", "")):
        assert COMPONENT.parse(output).health is Health.UNKNOWN
    of_another_time = json.dumps({"at": 1, "role": "king", "since": 1})
    assert COMPONENT.parse(Output(0, f"active\n{of_another_time}\n1.5\n", "")).health is Health.UNKNOWN
