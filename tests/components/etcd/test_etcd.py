from __future__ import annotations

import pytest
import yaml
from pydantic import ValidationError

from outlast.components.etcd.component import COMPONENT
from outlast.components.etcd.options import EtcdOptions
from outlast.components.etcd.probe import parse
from outlast.contract.bundle import Part
from outlast.contract.interface import Reach
from outlast.contract.probe import Health, Output
from outlast.contract.registry import discover
from tests.components.edge_views import content, example, unit, view

CONFIG = "/etc/outlast/etcd/etcd.yaml"
PREPARE = "/etc/outlast/etcd/prepare"

# Recorded from etcd 3.5.16: a leader, a follower, and a member whose majority is gone.
LEADER = (
    '[{"Endpoint":"http://127.0.0.1:2379","Status":{"header":{"cluster_id":14643125847566047834,'
    '"member_id":2815170725110292334,"revision":1,"raft_term":2},"version":"3.5.16","dbSize":20480,'
    '"leader":2815170725110292334,"raftIndex":17,"raftTerm":2,"raftAppliedIndex":17,"dbSizeInUse":16384}}]\n'
)
FOLLOWER = LEADER.replace('"leader":2815170725110292334', '"leader":428')
ALONE = LEADER.replace('"leader":2815170725110292334,', "")
WELL = '[{"endpoint":"http://127.0.0.1:2379","health":true,"took":"2.78041ms"}]\n'
ILL = '[{"endpoint":"http://127.0.0.1:2379","health":false,"took":"1.5s","error":"context deadline exceeded"}]\n'


def render(*, alone: bool = False) -> Part:
    ports = (("etcd-client", 2379), ("etcd-peer", 2380))
    return COMPONENT.render(view(COMPONENT, "data", ports=ports, alone=alone))


def test_a_member_listens_on_its_address_to_who_shows_a_certificate() -> None:
    config = yaml.safe_load(content(render(), CONFIG).replace("@CLUSTER@", "c").replace("@STATE@", "s"))
    assert config["name"] == "east-etcd-1"
    assert config["listen-client-urls"] == "https://10.0.0.15:2379"
    assert config["listen-peer-urls"] == "https://10.0.0.15:2380"
    for side in ("client", "peer"):
        assert config[f"{side}-transport-security"]["client-cert-auth"] is True
        assert config[f"{side}-transport-security"]["trusted-ca-file"] == "/etc/outlast/authority.pem"
    assert config["election-timeout"] >= 10 * config["heartbeat-interval"]
    assert (config["initial-cluster"], config["initial-cluster-state"]) == ("c", "s")


def test_all_members_found_the_same_cluster() -> None:
    text = content(render(), PREPARE)
    named = ",".join(f"east-etcd-{i}=https://10.0.0.{14 + i}:2380" for i in (1, 2, 3))
    assert f"cluster={named}\n" in text
    assert "--endpoints=https://10.0.0.16:2379,https://10.0.0.17:2379" in text


def test_a_single_member_asks_nobody() -> None:
    text = content(render(alone=True), PREPARE)
    assert "cluster=east-etcd-1=https://10.0.0.15:2380\n" in text
    assert "listed=" not in text


def test_the_service_waits_for_its_majority() -> None:
    text = unit(render(), "outlast-etcd.service")
    for setting in ("Type=notify", "User=etcd", "StateDirectory=outlast-etcd", f"ExecStartPre={PREPARE}"):
        assert setting in text.splitlines()
    assert render().services[0].restart_on == (CONFIG,)


@pytest.mark.parametrize("members", [0, 2, 4, 7])
def test_a_number_that_helps_nobody_is_refused(members: int) -> None:
    with pytest.raises(ValidationError, match="a majority must agree"):
        EtcdOptions.model_validate({"members": members})


@pytest.mark.parametrize(("members", "optional"), [(1, True), (3, False)])
def test_a_single_member_needs_no_peers(members: int, optional: bool) -> None:
    required = COMPONENT.requires(EtcdOptions.model_validate({"members": members}))
    assert [(r.interface, r.reach, r.optional) for r in required] == [
        ("etcd-peer", Reach.CLUSTER, optional),
        ("etcd-client", Reach.CLUSTER, optional),
    ]


def test_the_example_is_valid_and_says_the_defaults() -> None:
    assert example(discover().example("etcd"), COMPONENT) == EtcdOptions.model_validate({})


@pytest.mark.parametrize(
    ("stdout", "health", "role", "because"),
    [
        (LEADER + WELL, "healthy", "leader", "leader, and a majority agrees to a read in 3 ms"),
        (FOLLOWER + WELL, "healthy", "follower", "follower, and a majority agrees to a read in 3 ms"),
        (
            FOLLOWER + ILL,
            "unhealthy",
            "follower",
            "answers, but no majority agrees to a read: context deadline exceeded",
        ),
        (ALONE + ILL, "unhealthy", "", "answers, but there is no leader: a majority of members is missing"),
        ("\n" + ILL, "unhealthy", "", "etcd does not answer on this machine"),
        ("", "unhealthy", "", "etcd does not answer on this machine"),
    ],
)
def test_the_probe_asks_the_member_and_its_majority(stdout: str, health: str, role: str, because: str) -> None:
    report = parse(Output(0, stdout, ""))
    assert (report.health, report.role, report.because) == (health, role, because)


def test_no_answer_is_unknown() -> None:
    assert parse(Output(124, "", "")).health is Health.UNKNOWN
