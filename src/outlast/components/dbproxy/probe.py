"""Asks one proxy, over its runtime socket, who is written to and which members it considers up."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import Any, cast

from outlast.contract.probe import Health, Output, Primary, Report

SOCKET = "/run/outlast-dbproxy/admin.sock"
SCRIPT = f"""
import json, socket, sys
def ask(command):
    with socket.socket(socket.AF_UNIX) as control:
        control.settimeout(2)
        control.connect({SOCKET!r})
        control.sendall(command.encode() + b"\\n")
        return b"".join(iter(lambda: control.recv(65536), b"")).decode()
try:
    answers = {{"table": ask("show table writer"), "servers": ask("show stat -1 4 -1")}}
except OSError as error:
    answers = {{"error": str(error)}}
print(json.dumps({{"service": sys.argv[1], **answers}}))
"""


@dataclass(frozen=True, slots=True)
class ProxyState:
    """What one proxy knows. `writer` is where a new connection that writes goes; `agreed` when the proxies share it
    (nobody has connected yet otherwise)."""

    writer: str
    agreed: bool
    writable: tuple[str, ...]
    readable: tuple[str, ...]


def probe(service: str) -> tuple[str, ...]:
    """argv: the shared entry and the state of every server as JSON; `service` is the database's."""
    return ("python3", "-c", SCRIPT, service)


def parse(output: Output) -> Report[ProxyState]:
    """Healthy when there is a member to write to and one to read from."""
    if output.returncode != 0:
        lines = output.stderr.strip().splitlines()
        late = output.returncode == 124
        return Report(Health.UNKNOWN, "the probe did not end in time" if late else f"the probe failed: {lines[-1:]}")
    facts = cast(dict[str, Any], json.loads(output.stdout))
    if "error" in facts:
        return Report(Health.UNHEALTHY, f"does not answer on its socket: {facts['error']}")
    state = _state(str(facts["table"]), str(facts["servers"]))
    if not state.writer or not state.readable:
        verb = "read from" if state.writer else "write to"
        return Report(Health.UNHEALTHY, f"no member of the database is well enough to {verb}", state=state)
    role = f"writes go to {state.writer}"
    said = f"{role}, reads to {len(state.readable)} members"
    return Report(Health.HEALTHY, said, role, (Primary(str(facts["service"]), state.writer),), state=state)


def _state(table: str, servers: str) -> ProxyState:
    rows = list(csv.DictReader(servers.lstrip("# ").splitlines()))
    writable = tuple(row["svname"] for row in rows if row["pxname"] == "writer" and row["status"].startswith("UP"))
    readable = tuple(row["svname"] for row in rows if row["pxname"] == "reader" and row["status"].startswith("UP"))
    found = re.search(r"\bserver_key=(\S+)", table)
    entry = found[1] if found else ""
    # An entry that names a member which is down is replaced by the next connection: with the first one that is up.
    agreed = entry in writable
    return ProxyState(entry if agreed else next(iter(writable), ""), agreed, writable, readable)
