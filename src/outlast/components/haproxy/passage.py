"""Gives app members their share of the requests through the runtime API, and reads what the edge counted of each.

Source: HAProxy 3.0 Management Guide, "add server", "set server" and "9.1. CSV format".
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence

from outlast.components.haproxy.probe import FALLBACK, SERVER, SOCKET
from outlast.contract.passage import Counted, Passage, Seat
from outlast.contract.probe import Output
from outlast.contract.slot import Slot

FULL = 100
"""The weight of a server that gets as many requests as anybody, as the configuration says it; 256 is the highest."""
# TIME_STATS_SAMPLES in HAProxy's defaults.h.
WINDOW = 512
# Asked again and again while requests come: without what it would look for on the machine, it starts in half the time.
PYTHON = ("python3", "-I", "-S", "-c")
# All commands on one line, so that all have been carried out when the counters are read.
SCRIPT = f"""
import socket, sys
with socket.socket(socket.AF_UNIX) as control:
    control.settimeout(3)
    control.connect({SOCKET!r})
    control.sendall(sys.argv[1].encode() + b"\\n")
    while piece := control.recv(65536):
        sys.stdout.write(piece.decode())
"""
CONFIG = "/etc/outlast/haproxy/haproxy.cfg"
# A server that is added to a running HAProxy has nothing of `default-server` and begins in maintenance, without checks
# (measured). What exists already is refused, and stays as it is. One failed check, and it is down.
ADMIT = """
import socket, sys
config, control, *wanted = sys.argv[1:]
backend, usual, commands = "", "", []
with open(config) as lines:
    for word, *rest in filter(None, map(str.split, lines)):
        if word == "backend":
            backend, usual = rest[0], ""
        elif word == "default-server":
            usual = " ".join(rest)
        elif word == "server" and (name := f"{backend}/{rest[0]}") in wanted:
            commands += [f"add server {name} {rest[1]} {usual}", f"enable health {name}", f"enable server {name}"]
if commands:
    with socket.socket(socket.AF_UNIX) as running:
        running.settimeout(3)
        running.connect(control)
        running.sendall("; ".join(commands).encode() + b"\\n")
        while running.recv(65536):
            pass
"""
HEAD = "# pxname"


def server_name(member: str, slot: Slot) -> str:
    """What the edge calls one slot of a member."""
    return f"{member}.{slot}"


def seat_of(backend: str, server: str) -> Seat:
    """The seat that a server of a backend is. Raises `ValueError` for a name that is none."""
    member, _, slot = server.rpartition(".")
    return Seat(backend, member, Slot(slot))


def admit(seats: Sequence[Seat], config: str = CONFIG, control: str = SOCKET) -> tuple[str, ...]:
    """argv: takes in those of the seats that the configuration on disk has and the running process does not."""
    return (*PYTHON, ADMIT, config, control, *map(_path, seats))


def steer(weights: Mapping[Seat, float]) -> tuple[str, ...]:
    """argv: sets the weights, then prints the counters of every server."""
    commands = [f"set server {_path(seat)} weight {_weight(share)}" for seat, share in weights.items()]
    return (*PYTHON, SCRIPT, "; ".join([*commands, "show stat -1 4 -1"]))


def parse(output: Output) -> dict[Seat, Counted]:
    """What the edge says of every seat that it knows. Raises `ValueError` when it says nothing of that kind."""
    _, head, table = output.stdout.partition(HEAD)
    if output.returncode != 0 or not head:
        raise ValueError(output.stderr.strip() or "it does not answer on its socket")
    rows = csv.DictReader(f"pxname{table}".splitlines())
    return {
        seat_of(row["pxname"], row["svname"]): _counted(row)
        for row in rows
        if row["type"] == SERVER and not row["pxname"].startswith(FALLBACK)
    }


def _counted(row: Mapping[str, str]) -> Counted:
    number = {key: int(row[key] or 0) for key in ("scur", "qcur", "stot", "hrsp_5xx", "eresp", "rtime")}
    return Counted(
        up=row["status"].startswith("UP"),
        busy=number["scur"] + number["qcur"],
        requests=number["stot"],
        # `eresp`: the connection ended, or what came was no answer. Such a request is repeated where it may be.
        errors=number["hrsp_5xx"] + number["eresp"],
        mean=number["rtime"] / 1000,
    )


def _path(seat: Seat) -> str:
    return f"{seat.service}/{server_name(seat.member, seat.slot)}"


def _weight(share: float) -> int:
    return 0 if share <= 0 else min(256, max(1, round(share * FULL)))


PASSAGE = Passage(admit, steer, parse, WINDOW)
