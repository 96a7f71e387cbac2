"""How an app behaves on simulated machines: it serves while its service runs."""

from __future__ import annotations

import re

from outlast.components.app.probe import SCRIPT
from outlast.contract.model import Model, Ran
from outlast.contract.probe import Output
from outlast.contract.scene import Scene

SERVICE = re.compile(r"outlast-app-([a-z0-9-]+)\.service")
SHOWN = "/run/shown"
PORT = re.compile(r'^PORT="(\d+)"$', re.MULTILINE)


def run(scene: Scene, machine: str, argv: tuple[str, ...]) -> Ran | None:
    """The probe: what curl says of the health path, and systemd of the service."""
    if argv[:3] != ("sh", "-c", SCRIPT):
        return None
    url, service = argv[4], argv[6]
    process = scene.host(machine).process(service)
    path = "/" + url.split("/", 3)[3]
    lines = [f"path={path}", *(("status=200", "seconds=0.001", "curl=0") if process.runs else ("status=000", "curl=7"))]
    running = "running" if process.runs else "dead"
    lines += [f"ActiveState={process.state}", f"SubState={running}", f"NRestarts={process.restarts}", "ExecMainCode=0"]
    return Ran(Output(0, "\n".join(lines) + "\n", ""))


def serves(scene: Scene, machine: str) -> frozenset[int]:
    """The port of every app that runs, from its environment file."""
    host = scene.host(machine)
    apps = [found[1] for name, process in host.processes.items() if process.runs and (found := SERVICE.fullmatch(name))]
    texts = (host.read(f"/etc/outlast/apps/{app}.env") or "" for app in apps)
    return frozenset(int(found[1]) for text in texts if (found := PORT.search(text)))


def says(scene: Scene, machine: str, port: int) -> str:
    """What it shows of itself, whatever it is asked: the text that lies in a file of the machine."""
    shown = scene.host(machine).read(SHOWN) or ""
    return f"HTTP/1.0 200 OK\r\n\r\n{shown}" if port in serves(scene, machine) else ""


MODEL = Model(run=run, serves=serves, says=says)
