"""What a scan makes of what it heard: too much and too little are findings, silence behind a rule is none."""

from __future__ import annotations

import json
import socket
import subprocess
import sys

from outlast.controller.scan import OUTSIDE, SCANNER, Door, Socket, doors_of, judge, undeclared
from outlast.kernel.errors import Severity
from tests import toys
from tests.blueprint.blueprints import compiled

BLUEPRINT = compiled(toys.FULL)
SQL = Door("east-data-1", "east-data-2", 3306)
LISTENS = {"east-data-2": [Socket("tcp", "10.77.0.9", 3306, "db")]}


def test_the_doors_of_a_machine_are_those_that_its_rules_open() -> None:
    assert SQL in doors_of(BLUEPRINT, "east-data-1")
    assert {door.port for door in doors_of(BLUEPRINT, OUTSIDE)} == {22, 443}
    assert {door.target for door in doors_of(BLUEPRINT, OUTSIDE) if door.port == 443} == {"east-edge-1", "east-edge-2"}


def test_what_opens_as_wired_is_right() -> None:
    assert judge([SQL], [SQL], LISTENS) == ()


def test_a_door_too_many_is_a_finding() -> None:
    (finding,) = judge([SQL], [], LISTENS)
    assert finding.where == "east-data-2"
    assert finding.what == "TCP port 3306 is open and should not be, seen from east-data-1"


def test_a_door_too_few_is_a_finding_only_where_somebody_listens() -> None:
    (finding,) = judge([], [SQL], LISTENS)
    assert "closed and should not be" in finding.what
    assert judge([], [SQL], {}) == ()
    assert judge([], [SQL], {"east-data-2": [Socket("tcp", "127.0.0.1", 3306, "db")]}) == ()
    assert judge([], [SQL], {"east-data-2": [Socket("udp", "10.77.0.9", 3306, "db")]}) == ()


def test_sockets_that_nobody_declared_are_notes() -> None:
    heard = [
        Socket("tcp", "0.0.0.0", 22, "sshd"),
        Socket("tcp", "10.77.0.9", 3306, "db"),
        Socket("udp", "127.0.0.53", 53, "resolver"),
        Socket("udp", "::1", 323, "chronyd"),
        Socket("udp", "0.0.0.0", 5353, "avahi"),
    ]
    (note,) = undeclared(BLUEPRINT, {"east-data-2": heard})
    assert note.severity is Severity.NOTE
    assert note.what == "avahi listens on udp 5353 of 0.0.0.0"


def test_the_scanner_finds_what_is_open_and_nothing_else() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        closed = socket.socket()
        closed.bind(("127.0.0.1", 0))
        request = {
            "addresses": ["127.0.0.1"],
            "ports": [[port, port], [closed.getsockname()[1]] * 2],
            "width": 1,
            "patience": 1.0,
            "listening": False,
        }
        done = subprocess.run(
            [sys.executable, "-c", SCANNER], input=json.dumps(request), capture_output=True, text=True, timeout=20
        )
        closed.close()
    answer = json.loads(done.stdout)
    assert answer == {"open": {"127.0.0.1": [port]}, "silent": 0, "tried": 2, "listening": []}
