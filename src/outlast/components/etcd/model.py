"""How etcd behaves on simulated machines: it has a leader where more than half of its members reach each other."""

from __future__ import annotations

import json
import re

from outlast.components.etcd.probe import SCRIPT
from outlast.components.etcd.render import CONFIG
from outlast.contract.model import Model, Ran
from outlast.contract.probe import Output
from outlast.contract.scene import Host, Scene

SERVICE = "outlast-etcd.service"
TOKEN = re.compile(r"^initial-cluster-token: (\S+)$", re.MULTILINE)


def run(scene: Scene, machine: str, argv: tuple[str, ...]) -> Ran | None:
    """The probe: the member itself, and whether a majority agrees to a read."""
    if argv[:3] != ("sh", "-c", SCRIPT):
        return None
    here = scene.host(machine)
    if not here.process(SERVICE).runs:
        return Ran(Output(0, "\n", ""))
    members = [host for host in scene.hosts if _cluster(host) == _cluster(here)]
    together = [host for host in members if host.process(SERVICE).runs and scene.connected(here, host)]
    has_majority = len(together) * 2 > len(members)
    leader = min(_number(host) for host in together) if has_majority else 0
    status = {"leader": leader, "header": {"member_id": _number(here)}}
    health = {"health": has_majority, "took": "1ms", **({} if has_majority else {"error": "no leader"})}
    return Ran(Output(0, f"{json.dumps([{'Status': status}])}\n{json.dumps([health])}\n", ""))


def _cluster(host: Host) -> str:
    found = TOKEN.search(host.read(CONFIG) or "")
    return found[1] if found else ""


def _number(host: Host) -> int:
    return int.from_bytes(host.address.encode(), "big") % (1 << 63) + 1


MODEL = Model(run=run)
