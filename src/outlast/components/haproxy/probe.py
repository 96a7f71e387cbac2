"""Asks one HAProxy, over its runtime socket, which servers it considers up."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass

from outlast.contract.probe import Health, Output, Report

SOCKET = "/run/outlast-haproxy/admin.sock"
# Machines have Python for Outlast itself; so no further tool is needed to speak to a socket.
SCRIPT = f"""
import socket, sys
with socket.socket(socket.AF_UNIX) as control:
    control.settimeout(3)
    try:
        control.connect({SOCKET!r})
        control.sendall(b"show stat -1 6 -1\\n")
        while piece := control.recv(65536):
            sys.stdout.write(piece.decode())
    except OSError as error:
        sys.exit(f"{{error}}")
"""
SERVER = "2"
FALLBACK = "outlast-any-"
"""Begins the name of the backend that serves an app when none of its machines passes its check."""


@dataclass(frozen=True, slots=True)
class Server:
    """One app machine as this edge sees it; `requests` counts since the edge process started."""

    service: str
    member: str
    up: bool
    requests: int


@dataclass(frozen=True, slots=True)
class EdgeState:
    """What one edge knows of the apps."""

    servers: tuple[Server, ...]


def probe() -> tuple[str, ...]:
    """argv: the counters of every backend and server, as CSV."""
    return ("python3", "-c", SCRIPT)


def parse(output: Output) -> Report[EdgeState]:
    """Healthy when the process answers and every app has at least one server that is up."""
    if output.returncode == 124:
        return Report(Health.UNKNOWN, "the probe did not end in time")
    if output.returncode != 0 or not output.stdout.startswith("# pxname"):
        lines = output.stderr.strip().splitlines()
        return Report(Health.UNHEALTHY, f"does not answer on its socket: {lines[-1] if lines else 'nothing was said'}")
    rows = list(csv.DictReader(output.stdout.lstrip("# ").splitlines()))
    # Only a server that is "UP" gets new requests: "NOLB" says that its app answers with an error.
    rows = [row for row in rows if row["type"] == SERVER]
    requests: Counter[tuple[str, str]] = Counter()
    up: dict[tuple[str, str], bool] = {}
    for row in rows:
        # A member has a server for each of its slots: it is up when one of them is.
        member, _, _ = row["svname"].rpartition(".")
        key = (row["pxname"].removeprefix(FALLBACK), member)
        requests[key] += int(row["stot"] or 0)
        if not row["pxname"].startswith(FALLBACK):
            up[key] = up.get(key, False) or _gets_requests(row)
    servers = tuple(Server(*key, is_up, requests[key]) for key, is_up in up.items())
    if not servers:
        return Report(Health.HEALTHY, "answers, and has no app to send requests to", state=EdgeState(()))
    services = sorted({server.service for server in servers})
    said = [_tally(service, servers) for service in services]
    dark = [service for service in services if not any(s.up for s in servers if s.service == service)]
    health = Health.UNHEALTHY if dark else Health.HEALTHY
    return Report(health, f"sees {', '.join(said)} answer", state=EdgeState(servers))


def _gets_requests(row: dict[str, str]) -> bool:
    return row["status"].startswith("UP") and row.get("weight") != "0"


def _tally(service: str, servers: tuple[Server, ...]) -> str:
    mine = [server for server in servers if server.service == service]
    return f"{sum(server.up for server in mine)} of {len(mine)} machines of {service}"
