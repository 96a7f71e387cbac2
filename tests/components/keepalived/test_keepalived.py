from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.components.keepalived.component import COMPONENT
from outlast.components.keepalived.options import AddressOptions
from outlast.components.keepalived.probe import parse
from outlast.components.keepalived.render import FIRST_AWAY, HOME, PENALTY
from outlast.contract.bundle import Part
from outlast.contract.interface import Endpoint, Http
from outlast.contract.probe import Health, Output
from outlast.contract.registry import discover
from outlast.contract.view import Floating
from tests.components.edge_views import FLOATING, content, example, unit, view

CONFIG = "/etc/outlast/keepalived/keepalived.conf"
EDGE = Endpoint("https", "haproxy", "e", "m", "east", "10.0.0.11", 443, Http((), "/.outlast/edge"))


def render(index: int = 1, *, floating: tuple[Floating, ...] = FLOATING, **options: Any) -> Part:
    seen = view(COMPONENT, "edge", index=index, options=options, endpoints=(EDGE,), floating=floating)
    return COMPONENT.render(seen)


def instances(part: Part) -> dict[str, tuple[int, int]]:
    """Address to (router id, priority)."""
    text = content(part, CONFIG)
    pattern = r"virtual_router_id (\d+)\s+priority (\d+).*?virtual_ipaddress \{\s+(\S+)/32"
    return {m[3]: (int(m[1]), int(m[2])) for m in re.finditer(pattern, text, re.DOTALL)}


def test_each_address_is_at_home_on_one_machine() -> None:
    first, second = instances(render(1)), instances(render(2))
    assert first["10.0.0.254"][1] == second["10.0.0.253"][1] == HOME
    assert first["10.0.0.253"][1] == second["10.0.0.254"][1] == FIRST_AWAY - 1
    assert {address: router for address, (router, _) in first.items()} == {
        address: router for address, (router, _) in second.items()
    }


def test_a_machine_whose_edge_is_dead_stands_behind_every_other() -> None:
    assert HOME - PENALTY < FIRST_AWAY - 40
    assert FIRST_AWAY - 40 - PENALTY >= 1


@given(st.sets(st.ip_addresses(v=4, network="10.0.0.0/16"), min_size=1, max_size=12))
def test_router_ids_are_distinct_and_legal(addresses: set[Any]) -> None:
    floating = tuple(Floating(str(address), "east-edge-1") for address in sorted(addresses))
    routers = [router for router, _ in instances(render(floating=floating)).values()]
    assert len(set(routers)) == len(addresses)
    assert all(1 <= router <= 255 for router in routers)


def test_a_router_id_stays_when_other_addresses_come() -> None:
    before = instances(render(floating=FLOATING[:1]))
    assert instances(render())["10.0.0.254"] == before["10.0.0.254"]


def test_only_the_machine_at_home_waits_before_it_takes() -> None:
    text = content(render(1, home_delay="7s"), CONFIG)
    assert text.count("preempt_delay 7.0") == 1
    assert text.index("preempt_delay 7.0") < text.index("10.0.0.253/32")


def test_peers_are_named_and_the_machine_itself_is_not() -> None:
    text = content(render(1), CONFIG)
    assert "unicast_src_ip 10.0.0.11" in text
    assert re.findall(r"unicast_peer \{\s+(\S+)\s+\}", text) == ["10.0.0.12", "10.0.0.12"]


def test_the_interface_is_found_on_the_machine() -> None:
    part = render(1)
    assert content(part, CONFIG).count("@INTERFACE@") >= 2
    assert "address show to 10.0.0.11/32" in content(part, "/etc/outlast/keepalived/prepare")
    text = unit(part, "outlast-keepalived.service")
    assert "ExecStartPre=/etc/outlast/keepalived/prepare" in text
    assert "ExecStopPost=/etc/outlast/keepalived/release" in text
    assert "User=" not in text


def test_it_asks_whatever_edge_there_is() -> None:
    check = content(render(1), "/etc/outlast/keepalived/edge-answers")
    assert "--fail" in check
    assert "https://10.0.0.11:443/.outlast/edge" in check


@pytest.mark.parametrize(
    ("answer", "edge", "apps"),
    [(0, 0, 0), (22, 0, 1), (7, 1, 0), (28, 1, 0)],
    ids=["well", "sees no app", "refuses", "silent"],
)
def test_an_edge_without_apps_and_one_without_an_answer_are_told_apart(
    tmp_path: Path, answer: int, edge: int, apps: int
) -> None:
    (tmp_path / "curl").write_text(f"#!/bin/sh\nexit {answer}\n")
    (tmp_path / "curl").chmod(0o755)
    check = content(render(1), "/etc/outlast/keepalived/edge-answers")
    ended = [
        subprocess.run(["sh", "-c", check, "check", asked], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}).returncode
        for asked in ("edge", "apps")
    ]
    assert ended == [edge, apps]


def test_the_example_is_valid_and_says_the_defaults() -> None:
    assert example(discover().example("keepalived"), COMPONENT) == AddressOptions.model_validate({})


def output(state: str, *held: str) -> Output:
    listed = [
        {"ifname": "lo", "addr_info": [{"local": "127.0.0.1"}]},
        {"ifname": "host0", "addr_info": [{"local": a} for a in held]},
    ]
    return Output(0, f"10.0.0.254 10.0.0.253\n{state}\n{json.dumps(listed)}\n", "")


def test_the_probe_says_what_the_machine_holds() -> None:
    report = parse(output("active", "10.0.0.11", "10.0.0.254"))
    assert (report.health, report.role, report.holds) == (Health.HEALTHY, "holds 10.0.0.254", ("10.0.0.254",))
    assert report.because == "runs and holds 10.0.0.254"


def test_standing_by_is_healthy() -> None:
    report = parse(output("active", "10.0.0.11"))
    assert (report.health, report.role, report.because) == (Health.HEALTHY, "standby", "runs, standing by")


def test_a_dead_process_that_left_its_address_behind_is_told() -> None:
    report = parse(output("failed", "10.0.0.11", "10.0.0.254"))
    assert report.health is Health.UNHEALTHY
    assert report.because == "keepalived is failed, yet the machine still has its address"
    assert report.holds == ("10.0.0.254",)


def test_no_answer_is_unknown() -> None:
    assert parse(Output(124, "", "")).health is Health.UNKNOWN
