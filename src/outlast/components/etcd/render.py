"""One etcd member: its configuration and its service."""

from __future__ import annotations

import json

from outlast.components.etcd.options import EtcdOptions
from outlast.contract.bundle import File, Part, Service
from outlast.contract.identity import AUTHORITY, Identity, identity
from outlast.contract.template import render as fill
from outlast.contract.unit import Unit
from outlast.contract.view import NodeView

PACKAGE = "outlast.components.etcd"
CLIENT_PORT = 2379
PEER_PORT = 2380
FOLDER = "/etc/outlast/etcd"
CONFIG = f"{FOLDER}/etcd.yaml"
MEMBER = f"{FOLDER}/member.json"
PROGRAMS = "/usr/lib/outlast/etcd"
PYTHON = "/usr/bin/python3 -B"
DATA = "/var/lib/outlast-etcd/data"


def render(view: NodeView[EtcdOptions]) -> Part:
    """Everything that one member needs on this machine."""
    own = identity(view.member, FOLDER, user="etcd", addresses=(view.address,))
    values = {
        "view": view,
        "client": view.port("etcd-client"),
        "peer": view.port("etcd-peer"),
        "own": own,
        "authority": AUTHORITY,
        "data": DATA,
    }
    config = File(CONFIG, fill(PACKAGE, CONFIG.lstrip("/"), **values))
    member = File(MEMBER, json.dumps(_facts(view, own), indent=1) + "\n")
    programs = tuple(_program(view, name) for name in ("member", "wal", "start", "leave", "probe"))
    # A renewed certificate asks for nothing: etcd reads it anew for each connection. The authority it reads once.
    service = Service("outlast-etcd.service", _unit().text(), restart_on=(config.path, AUTHORITY))
    return Part(
        files=(config, member, *programs, *own.files),
        services=(service,),
        probe=(*PYTHON.split(), f"{PROGRAMS}/probe.py"),
        certificates=(own.wanted,),
    )


def _facts(view: NodeView[EtcdOptions], own: Identity) -> dict[str, object]:
    """What the programs on the machine must know. A growing cluster changes this file, and restarts nobody."""
    client, peer = view.port("etcd-client"), view.port("etcd-peer")
    return {
        "member": view.member,
        "peer": f"https://{view.address}:{peer}",
        "client": f"https://{view.address}:{client}",
        "others": [f"https://{each.address}:{client}" for each in view.others],
        "cluster": {each.member: f"https://{each.address}:{peer}" for each in view.peers},
        # How etcdctl shows who asks, and knows whom it talks to.
        "credentials": [f"--cacert={AUTHORITY}", f"--cert={own.path}", f"--key={own.key_path}"],
    }


def _program(view: NodeView[EtcdOptions], name: str) -> File:
    path = f"{PROGRAMS}/{name}.py"
    return File(path, fill(PACKAGE, path.lstrip("/"), view=view))


def _unit() -> Unit:
    return Unit(
        description="Outlast coordination (etcd)",
        # It runs while it waits for a cluster to join or for its majority: its probe says which, systemd need not know.
        start=f"{PYTHON} {PROGRAMS}/start.py",
        user="etcd",
        group="etcd",
        state="outlast-etcd",
        runtime="outlast-etcd",
        # The request to found a cluster must survive the restart that carries it out.
        runtime_preserve=True,
        open_files=16384,
        stop_limit=20,
    )
