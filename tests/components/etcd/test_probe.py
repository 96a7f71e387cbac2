"""What the parser makes of what the probe program prints."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outlast.components.etcd.probe import MemberState, parse
from outlast.contract.probe import Health, Output, Report

# Recorded from etcd 3.5.16.
HEADER = {"cluster_id": 4740914162393686573, "member_id": 6123205972887041046, "revision": 1, "raft_term": 2}
FOLLOWER = {"header": HEADER, "version": "3.5.16", "leader": 10256187118877480832, "raftIndex": 11}
LEADER = {**FOLLOWER, "leader": HEADER["member_id"]}
ALONE = {"header": HEADER, "version": "3.5.16", "raftIndex": 26, "errors": ["etcdserver: no leader"]}
WELL = {"endpoint": "http://127.0.0.1:2379", "health": True, "took": "2.78041ms"}
ILL = {"endpoint": "http://127.0.0.1:2379", "health": False, "took": "1.5s", "error": "context deadline exceeded"}
FACTS: dict[str, Any] = {
    "alive_for": 7.0,
    "asked": "",
    "holds": "data",
    "cluster": "41cb1c4ff018222d",
    "member": "54f9ff63e47b7416",
    "committed": 11,
    "unknown": "",
    "status": None,
    "health": None,
    "members": None,
}


def report(**facts: Any) -> Report[MemberState]:
    return parse(Output(0, json.dumps(FACTS | facts), ""))


@pytest.mark.parametrize(
    ("facts", "health", "role", "because"),
    [
        ({"status": LEADER, "health": WELL}, "healthy", "leader", "leader, and a majority agrees to a read in 3 ms"),
        (
            {"status": FOLLOWER, "health": WELL},
            "healthy",
            "follower",
            "follower, and a majority agrees to a read in 3 ms",
        ),
        (
            {"status": FOLLOWER, "health": ILL},
            "unhealthy",
            "follower",
            "answers, but no majority agrees to a read: context deadline exceeded",
        ),
        (
            {"status": ALONE, "health": ILL},
            "unhealthy",
            "",
            "answers, but there is no leader: a majority of members is missing",
        ),
        ({"alive_for": None}, "unhealthy", "", "etcd does not run"),
        ({"asked": "new", "holds": "nothing"}, "unhealthy", "", "etcd founds the cluster"),
        ({"holds": "nothing"}, "unhealthy", "", "holds no data, and waits for a majority that it can join"),
        ({}, "unhealthy", "", "etcd starts, or waits for a majority of the members"),
        ({"unknown": "its log could not be read"}, "unhealthy", "", "its log could not be read"),
    ],
)
def test_it_says_where_the_member_stands(facts: dict[str, Any], health: str, role: str, because: str) -> None:
    found = report(**facts)
    assert (found.health, found.role, found.because) == (health, role, because)


def test_its_steward_gets_the_facts() -> None:
    state = report(status=LEADER, health=WELL, members=["54f9ff63e47b7416"], asked="new").state
    assert state is not None
    assert (state.majority, state.leads, state.members) == (True, True, ("54f9ff63e47b7416",))
    assert state.asked == "", "it founded already"
    state = report(status=ALONE, health=ILL, asked="anew").state
    assert state is not None
    assert (state.majority, state.committed, state.member, state.asked) == (False, 11, "54f9ff63e47b7416", "anew")


@pytest.mark.parametrize("output", [Output(124, "", ""), Output(1, "", "no"), Output(0, "{}", "")])
def test_what_cannot_be_read_is_unknown(output: Output) -> None:
    assert parse(output).health is Health.UNKNOWN
