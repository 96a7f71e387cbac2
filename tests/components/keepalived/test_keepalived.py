from __future__ import annotations

import json
import re
import socket
import socketserver
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlast.components.keepalived.component import COMPONENT
from outlast.components.keepalived.options import AddressOptions
from outlast.components.keepalived.probe import parse
from outlast.components.keepalived.render import FIRST_AWAY, HOME, PENALTY, RUNTIME
from outlast.contract.bundle import Part
from outlast.contract.interface import Endpoint, Http
from outlast.contract.probe import Health, Output
from outlast.contract.registry import discover
from outlast.contract.view import Floating
from tests.components.edge_views import FLOATING, content, example, unit, view

CONFIG = "/etc/outlast/keepalived/keepalived.conf"
EDGES = tuple(
    Endpoint("http", "haproxy", f"e-{i}", f"east-edge-{i}", "east", f"10.0.0.1{i}", 80, Http((), "/.outlast/edge"))
    for i in (1, 2)
)


def render(index: int = 1, *, floating: tuple[Floating, ...] = FLOATING, alone: bool = False, **options: Any) -> Part:
    seen = view(COMPONENT, "edge", index=index, options=options, endpoints=EDGES, floating=floating, alone=alone)
    return COMPONENT.render(seen)


def programs(folder: Path, **scripts: str) -> None:
    """Programs of these names that stand for the machine's own."""
    for name, body in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)


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
    assert text.count("preempt_delay 17.0") == 1
    assert text.index("preempt_delay 17.0") < text.index("10.0.0.253/32")


def test_whoever_is_not_at_home_gives_an_address_back_to_a_home_that_is_well() -> None:
    text = content(render(1), CONFIG)
    scripts = re.findall(r'script "(\S+goes-home) (\S+) (\S+)"', text)
    assert scripts == [("/etc/outlast/keepalived/goes-home", "10.0.0.253", "http://10.0.0.12:80/.outlast/edge")]
    home, away = (block.split("}")[0] for block in text.split("track_script {")[1:])
    assert ("_goes_home" in home, "_goes_home" in away) == (False, True)


def goes_home(tmp_path: Path, held: str, answer: int) -> int:
    """Run the check of a holder whose home answers so, with a delay of 2 s; its code."""
    programs(tmp_path, ip=f"echo '{held}'", curl=f"exit {answer}", quiet=f"echo quiet >> {tmp_path}/quieted")
    script = content(render(1, home_delay="2s"), "/etc/outlast/keepalived/goes-home")
    script = script.replace("/etc/outlast/keepalived/quiet", str(tmp_path / "quiet")).replace(RUNTIME, str(tmp_path))
    argv = ["sh", "-c", script, "goes-home", "10.0.0.253", "http://home/"]
    return subprocess.run(argv, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}).returncode


def test_an_address_goes_home_when_its_home_has_answered_for_so_long(tmp_path: Path) -> None:
    assert [goes_home(tmp_path, "1: held", 0) for _ in range(3)] == [0, 0, 1]
    assert (tmp_path / "quieted").read_text() == "quiet\n"
    # One silence in between, and all begins anew; and an address that is elsewhere is nothing to give.
    assert [goes_home(tmp_path, "1: held", code) for code in (0, 0, 7, 0, 0)] == [0] * 5
    assert [goes_home(tmp_path, "", 0) for _ in range(4)] == [0] * 4


@pytest.mark.parametrize(
    ("sockets", "busy"),
    [
        ("ESTAB 0 0 a b cubic lastsnd:40 lastrcv:50 lastack:40", False),
        ("ESTAB 0 0 a b cubic lastsnd:50 lastrcv:40 lastack:40", True),
        ("ESTAB 0 0 a b cubic lastsnd:50 lastack:40", True),
        ("ESTAB 9 0 a b cubic lastsnd:40 lastrcv:50", True),
        ("FIN-WAIT-1 0 9 a b cubic lastsnd:40 lastrcv:50", True),
        ("ESTAB 0 0 a b cubic lastsnd:4 lastrcv:4", True),
        ("ESTAB 0 0 a b cubic lastsnd:400 lastrcv:400", False),
        ("ESTAB 0 0 a b cubic lastsnd:9000 lastrcv:8000", False),
        ("FIN-WAIT-1 0 25 a b cubic lastsnd:22752 lastrcv:135684", False),
        ("", False),
    ],
    ids=[
        "answered",
        "asked",
        "asked now",
        "unread",
        "on its way",
        "perhaps answered",
        "long ago",
        "waits for long",
        "went away",
        "nobody",
    ],
)
def test_an_address_leaves_when_what_is_under_way_is_answered(tmp_path: Path, sockets: str, busy: bool) -> None:
    notes = {"nft": f'echo "$*" >> {tmp_path}/rules', "sleep": f"echo >> {tmp_path}/slept"}
    programs(tmp_path, ss=f"echo '{sockets}'", **notes)
    script = content(render(1), "/etc/outlast/keepalived/quiet")
    done = subprocess.run(["sh", "-c", script, "quiet", "10.0.0.254"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.returncode == 0
    closed, silent = (tmp_path / "rules").read_text().splitlines()
    assert closed == "add element ip outlast_addresses closed { 10.0.0.254 timeout 3s }"
    assert silent == closed.replace("closed", "silent")
    # The first pause is for new connections.
    assert (tmp_path / "slept").read_text().count("\n") == 1 + (20 if busy else 0)


def test_only_what_is_here_falls_quiet_when_the_machine_leaves(tmp_path: Path) -> None:
    quiet = f'echo "$*" > {tmp_path}/quieted; exit 1'
    programs(tmp_path, ip='[ "$6" = 10.0.0.253/32 ] && echo "1: held"', quiet=quiet)
    script = content(render(1), "/etc/outlast/keepalived/leave")
    script = script.replace("/etc/outlast/keepalived/quiet", str(tmp_path / "quiet"))
    done = subprocess.run(["sh", "-c", script, "leave"], env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (done.returncode, (tmp_path / "quieted").read_text()) == (0, "10.0.0.253\n")


def test_the_others_are_told_of_connections_and_whoever_takes_an_address_ends_them() -> None:
    part = render(1)
    takes = re.findall(r'notify_master "(\S+) (\S+) (\S+)" root', content(part, CONFIG))
    assert {address for _, _, address in takes} == {floating.address for floating in FLOATING}
    rules, copies = (content(part, f"/etc/outlast/keepalived/{name}.nft") for name in ("rules", "copies"))
    for program, name, address in takes:
        assert content(part, program).startswith("#!/usr/bin/python3")
        assert f"set {name} " in rules
        assert f"update @{name} " in copies
        told = re.findall(rf"ip saddr {address} tcp flags (.*) dup to (\S+)", copies)
        assert told == [("& (syn | ack) == syn | ack", "10.0.0.12"), ("& (fin | rst) != 0", "10.0.0.12")]


def test_a_single_edge_has_nobody_to_tell() -> None:
    prepares = [content(render(alone=alone), "/etc/outlast/keepalived/prepare") for alone in (False, True)]
    assert ["copies.nft" in text for text in prepares] == [True, False]


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


@pytest.mark.parametrize(
    ("says", "edge", "apps"),
    [("HTTP/1.1 200 OK", 0, 0), ("HTTP/1.1 503 Service Unavailable", 0, 1), ("", 1, 0), (None, 1, 0)],
    ids=["well", "sees no app", "closes without a word", "refuses"],
)
def test_an_edge_without_apps_and_one_without_an_answer_are_told_apart(says: str | None, edge: int, apps: int) -> None:
    with edge_that_says(says) as (port, asked):
        check = content(render(1), "/etc/outlast/keepalived/edge-answers").replace("10.0.0.11/80", f"127.0.0.1/{port}")
        ended = [subprocess.run(["bash", "-c", check, "check", which]).returncode for which in ("edge", "apps")]
    assert ended == [edge, apps]
    assert set(asked) == ({b"GET /.outlast/edge HTTP/1.0"} if says is not None else set())


def test_an_edge_that_is_deaf_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        check = content(render(1), "/etc/outlast/keepalived/edge-answers")
        check = check.replace("10.0.0.11/80", f"127.0.0.1/{deaf.getsockname()[1]}")
        assert subprocess.run(["bash", "-c", check, "check", "edge"], timeout=10).returncode == 1


@pytest.mark.parametrize(
    ("sockets", "code"),
    [
        ("ESTAB 0 0 a b cubic bytes_sent:900 lastsnd:100 lastrcv:50", 0),
        ("ESTAB 0 0 a b cubic bytes_sent:900 lastrcv:50", 0),
        ("ESTAB 0 0 a b cubic bytes_sent:900 lastsnd:400 lastrcv:50", 1),
        ("ESTAB 9 0 a b cubic lastsnd:10 lastrcv:10", 1),
        ("", 1),
    ],
    ids=["told something", "tells something", "told something long ago", "was only connected to", "nobody"],
)
def test_an_edge_that_is_slow_and_speaks_to_others_is_busy_and_not_deaf(
    tmp_path: Path, sockets: str, code: int
) -> None:
    programs(tmp_path, ss=f"echo '{sockets}'")
    with edge_that_says("HTTP/1.1 200 OK", after=0.5) as (port, _):
        check = content(render(1), "/etc/outlast/keepalived/edge-answers").replace("10.0.0.11/80", f"127.0.0.1/{port}")
        argv = ["bash", "-c", check, "check", "edge"]
        assert subprocess.run(argv, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}).returncode == code


@contextmanager
def edge_that_says(text: str | None, after: float = 0.0) -> Generator[tuple[int, list[bytes]]]:
    """An edge that answers so after a while (None: nobody listens); its port, and the first line of all that asked."""
    asked: list[bytes] = []
    late = threading.Event()

    class Edge(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            asked.append(self.rfile.readline().rstrip())
            while self.rfile.readline().strip():
                pass
            late.wait(after)
            with suppress(ConnectionError):
                self.wfile.write(f"{text}\r\n\r\n".encode() if text else b"")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Edge) as server:
        port = server.server_address[1]
        if text is None:
            server.server_close()
            yield port, asked
            return
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield port, asked
        server.shutdown()


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
