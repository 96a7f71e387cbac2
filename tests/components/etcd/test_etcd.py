from __future__ import annotations

import json

import pytest
import yaml
from pydantic import ValidationError

from outlast.components.etcd.component import COMPONENT
from outlast.components.etcd.options import EtcdOptions
from outlast.contract.identity import AUTHORITY
from outlast.contract.interface import Reach
from outlast.contract.registry import discover
from tests.components.edge_views import content, example, unit
from tests.components.etcd.members import render

CONFIG = "/etc/outlast/etcd/etcd.yaml"
MEMBER = "/etc/outlast/etcd/member.json"


def test_a_member_listens_on_its_address_to_who_shows_a_certificate() -> None:
    config = yaml.safe_load(
        content(render(), CONFIG).replace("@CLUSTER@", "c").replace("@STATE@", "s").replace("@ANEW@", "false")
    )
    assert config["name"] == "east-etcd-1"
    assert config["listen-client-urls"] == "https://10.0.0.15:2379"
    assert config["listen-peer-urls"] == "https://10.0.0.15:2380"
    for side in ("client", "peer"):
        assert config[f"{side}-transport-security"]["client-cert-auth"] is True
        assert config[f"{side}-transport-security"]["trusted-ca-file"] == "/etc/outlast/authority.pem"
    assert config["election-timeout"] >= 10 * config["heartbeat-interval"]
    assert (config["initial-cluster"], config["initial-cluster-state"]) == ("c", "s")
    assert config["force-new-cluster"] is False
    # Off in a file that does not say so, and controllers speak JSON with it.
    assert config["enable-grpc-gateway"] is True


def test_all_members_found_the_same_cluster() -> None:
    facts = json.loads(content(render(), MEMBER))
    assert facts["cluster"] == {f"east-etcd-{i}": f"https://10.0.0.{14 + i}:2380" for i in (1, 2, 3)}
    assert facts["others"] == ["https://10.0.0.16:2379", "https://10.0.0.17:2379"]
    assert facts["client"] == "https://10.0.0.15:2379"


def test_whoever_asks_shows_the_member_s_certificate() -> None:
    own = "/etc/outlast/etcd/east-etcd-1.pem"
    shown = ["--cacert=/etc/outlast/authority.pem", f"--cert={own}", f"--key={own}.key"]
    assert json.loads(content(render(), MEMBER))["credentials"] == shown
    assert [wanted.addresses for wanted in render().certificates] == [("10.0.0.15",)]


def test_a_single_member_asks_nobody() -> None:
    facts = json.loads(content(render(alone=True), MEMBER))
    assert facts["cluster"] == {"east-etcd-1": "https://10.0.0.15:2380"}
    assert facts["others"] == []


def test_a_request_survives_the_restart_that_carries_it_out() -> None:
    text = unit(render(), "outlast-etcd.service")
    for setting in ("Type=exec", "User=etcd", "StateDirectory=outlast-etcd", "RuntimeDirectoryPreserve=yes"):
        assert setting in text.splitlines()
    assert render().services[0].restart_on == (CONFIG, AUTHORITY)


@pytest.mark.parametrize("members", [0, 2, 4, 7])
def test_a_number_that_helps_nobody_is_refused(members: int) -> None:
    with pytest.raises(ValidationError, match="a majority must agree"):
        EtcdOptions.model_validate({"members": members})


@pytest.mark.parametrize(("members", "optional"), [(1, True), (3, False)])
def test_a_single_member_needs_no_peers(members: int, optional: bool) -> None:
    required = COMPONENT.requires(EtcdOptions.model_validate({"members": members}))
    assert [r.interface for r in required] == ["etcd-peer", "etcd-client"]
    assert {(r.reach, r.optional) for r in required} == {(Reach.CLUSTER, optional)}


def test_the_example_is_valid_and_says_the_defaults() -> None:
    assert example(discover().example("etcd"), COMPONENT) == EtcdOptions.model_validate({})
