"""How the database's proxy behaves on simulated machines: writes go to the first member that may be written to.

The table that keeps the writer where it is after a fail-over is not simulated.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from outlast.components.dbproxy.probe import SCRIPT
from outlast.components.dbproxy.render import CONFIG
from outlast.contract.model import Model, Ran
from outlast.contract.probe import Output
from outlast.contract.scene import Host, Scene

SERVICE = "outlast-dbproxy.service"
LINE = re.compile(
    r"^(?:(?:backend|listen) (?P<backend>\S+)"
    r"|\s+server (?P<server>\S+) \S+ addr (?P<address>[\d.]+) port (?P<port>\d+))",
    re.MULTILINE,
)


def run(scene: Scene, machine: str, argv: tuple[str, ...]) -> Ran | None:
    """The probe: the state of every server."""
    if argv[:3] != ("python3", "-c", SCRIPT):
        return None
    here, service = scene.host(machine), argv[3]
    if not here.process(SERVICE).runs:
        return Ran(Output(0, json.dumps({"service": service, "error": "[Errno 2] No such file or directory"}), ""))
    rows = [
        f"{backend},{server},{'UP' if scene.answers(here, address, port) else 'DOWN'}"
        for backend, server, address, port in _servers(here)
    ]
    servers = "\n".join(["# pxname,svname,status", *rows, ""])
    return Ran(Output(0, json.dumps({"service": service, "table": "", "servers": servers}), ""))


def _servers(host: Host) -> Iterator[tuple[str, str, str, int]]:
    backend = ""
    for found in LINE.finditer(host.read(CONFIG) or ""):
        backend = found["backend"] or backend
        if found["server"] and backend:
            yield backend, found["server"], found["address"], int(found["port"])


MODEL = Model(run=run)
