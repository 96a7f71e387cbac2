"""Asks one proxy, over its runtime socket, who is written to and which members it considers up."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

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
        last = next(iter(output.stderr.strip().splitlines()[-1:]), f"it exited with {output.returncode}")
        late = output.returncode == 124
        return Report(Health.UNKNOWN, "the probe did not end in time" if late else f"the probe failed: {last}")
    try:
        facts = _Facts.model_validate_json(output.stdout)
    except ValidationError:
        return Report(Health.UNKNOWN, "the probe printed something else than its facts")
    if facts.error:
        return Report(Health.UNHEALTHY, f"does not answer on its socket: {facts.error}")
    state = _state(facts.table, facts.servers)
    if not state.writer or not state.readable:
        verb = "read from" if state.writer else "write to"
        return Report(Health.UNHEALTHY, f"no member of the database is well enough to {verb}", state=state)
    role = f"writes go to {state.writer}"
    said = f"{role}, reads to {len(state.readable)} members"
    return Report(Health.HEALTHY, said, role, (Primary(facts.service, state.writer),), state=state)


class _Facts(BaseModel):
    """What the script prints: HAProxy's answers as they are, or why there is none."""

    service: str
    table: str = ""
    servers: str = ""
    error: str = ""


def _state(table: str, servers: str) -> ProxyState:
    rows = list(csv.DictReader(servers.lstrip("# ").splitlines()))
    # An entry that names a member which is down is replaced by the next connection: with the first one that is up.
    found = re.search(r"\bserver_key=(\S+)", table)
    entry, writable = (found[1] if found else ""), _up(rows, "writer")
    agreed = entry in writable
    return ProxyState(entry if agreed else next(iter(writable), ""), agreed, writable, _up(rows, "reader"))


def _up(rows: list[dict[str, str]], backend: str) -> tuple[str, ...]:
    mine = [row for row in rows if row.get("pxname") == backend]
    return tuple(row["svname"] for row in mine if (row.get("status") or "").startswith("UP"))
