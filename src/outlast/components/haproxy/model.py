"""How the edge behaves on simulated machines: it sends requests to whoever gives a good answer on its port."""

from __future__ import annotations

import re
from collections.abc import Iterator

from outlast.components.haproxy.passage import FULL, PYTHON
from outlast.components.haproxy.passage import SCRIPT as STEER
from outlast.components.haproxy.probe import SCRIPT, SERVER
from outlast.components.haproxy.render import CONFIG
from outlast.contract.model import Model, Ran
from outlast.contract.probe import Output
from outlast.contract.scene import Host, Scene

SERVICE = "outlast-haproxy.service"
LINE = re.compile(r"^(?:backend (?P<backend>\S+)|\s+server (?P<server>\S+) (?P<address>[\d.]+):(?P<port>\d+))", re.M)
NO_SOCKET = "[Errno 2] No such file or directory\n"


def run(scene: Scene, machine: str, argv: tuple[str, ...]) -> Ran | None:
    """The probe, and whoever steers: every server of every backend, up or down."""
    if argv[:3] != ("python3", "-c", SCRIPT) and argv[:5] != (*PYTHON, STEER):
        return None
    here = scene.host(machine)
    if not here.process(SERVICE).runs:
        return Ran(Output(1, "", NO_SOCKET))
    rows = [
        f"{backend},{server},{SERVER},{'UP' if scene.answers(here, address, port) else 'DOWN'},{FULL},0,0,0,0,0,0"
        for backend, server, address, port in _servers(here)
    ]
    return Ran(
        Output(0, "\n".join(["# pxname,svname,type,status,weight,scur,qcur,stot,hrsp_5xx,eresp,rtime", *rows, ""]), "")
    )


def serves(scene: Scene, machine: str) -> frozenset[int]:
    """The ports of the world, while it runs."""
    return frozenset({80, 443}) if scene.host(machine).process(SERVICE).runs else frozenset()


def _servers(host: Host) -> Iterator[tuple[str, str, str, int]]:
    backend = ""
    for found in LINE.finditer(host.read(CONFIG) or ""):
        backend = found["backend"] or backend
        if found["server"] and backend:
            yield backend, found["server"], found["address"], int(found["port"])


MODEL = Model(run=run, serves=serves)
