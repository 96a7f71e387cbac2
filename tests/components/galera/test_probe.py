"""What is concluded from what a probe printed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outlast.components.galera.probe import MemberState, Position, parse
from outlast.contract.probe import Health, Output, Report
from tests.components.galera.members import HISTORY

STATUS = {
    "wsrep_local_state_uuid": HISTORY,
    "wsrep_last_committed": "41",
    "wsrep_local_state": "4",
    "wsrep_local_state_comment": "Synced",
    "wsrep_cluster_size": "3",
    "wsrep_cluster_status": "Primary",
    "wsrep_ready": "ON",
}
SERVING: dict[str, Any] = {
    "alive": True,
    "holds": "data",
    "position": f"{HISTORY}:41",
    "position_unknown": "",
    "bootstrapping": False,
    "without_primary": 0.0,
    "status": STATUS,
    "error": "",
    "accounts": {"wanted": "e11a", "applied": "e11a"},
}


def told(**changes: Any) -> Report[Any]:
    return parse(Output(0, json.dumps(SERVING | changes), ""))


def state(**changes: Any) -> MemberState:
    found = told(**changes).state
    assert isinstance(found, MemberState)
    return found


def test_a_synced_member_is_healthy() -> None:
    report = told()
    assert (report.health, report.role) == (Health.HEALTHY, "")
    assert report.because == "synced, one of 3 voting members"
    assert state().position == Position(HISTORY, 41)
    assert state().accounts_outdated is False


def test_a_donor_goes_on_serving() -> None:
    report = told(status=STATUS | {"wsrep_local_state": "2"})
    assert (report.health, report.role) == (Health.HEALTHY, "donor")
    assert told(status=STATUS | {"wsrep_local_state": "3"}).health is Health.HEALTHY


@pytest.mark.parametrize(
    ("changes", "role", "word"),
    [
        ({"status": STATUS | {"wsrep_local_state": "1", "wsrep_local_state_comment": "Joining"}}, "joiner", "Joining"),
        (
            {
                "status": STATUS
                | {"wsrep_ready": "OFF", "wsrep_local_state": "3", "wsrep_local_state_comment": "Joined"}
            },
            "joiner",
            "Joined",
        ),
        ({"status": STATUS | {"wsrep_cluster_status": "non-Primary"}}, "", "not in a primary component"),
        ({"status": None, "alive": False}, "", "does not run"),
        ({"status": None, "bootstrapping": True}, "", "founds"),
        ({"status": None, "position_unknown": "it runs and does not answer"}, "", "does not answer"),
        ({"status": None}, "", "waits for a cluster"),
    ],
)
def test_why_a_member_does_not_serve(changes: dict[str, Any], role: str, word: str) -> None:
    report = told(**changes)
    assert (report.health, report.role) == (Health.UNHEALTHY, role)
    assert word in report.because
    assert not state(**changes).synced


def test_other_accounts_are_outdated_and_unknown_ones_are_not() -> None:
    assert state(accounts={"wanted": "e11a", "applied": ""}).accounts_outdated is True
    assert state(accounts={"wanted": "e11a", "applied": None}).accounts_outdated is None


@pytest.mark.parametrize(
    ("active", "links", "health"),
    [("active", 2, Health.HEALTHY), ("active", 0, Health.UNHEALTHY), ("failed", 0, Health.UNHEALTHY)],
)
def test_an_arbiter_is_judged_by_its_connections(active: str, links: int, health: Health) -> None:
    report = parse(Output(0, json.dumps({"arbiter": {"state": active, "links": links}}), ""))
    assert (report.health, report.role) == (health, "arbiter")
    assert report.state is not None
    assert report.state.arbiter


@pytest.mark.parametrize(
    "output", [Output(124, "", ""), Output(1, "", "trouble"), Output(0, "", ""), Output(0, "{}", "")]
)
def test_what_cannot_be_read_is_unknown(output: Output) -> None:
    report = parse(output)
    assert report.health is Health.UNKNOWN
    assert report.state is None
