"""One etcd member: its configuration and its service."""

from __future__ import annotations

from outlast.components.etcd.options import EtcdOptions
from outlast.components.etcd.probe import probe
from outlast.contract.bundle import File, Part, Service
from outlast.contract.identity import AUTHORITY, identity
from outlast.contract.template import render as fill
from outlast.contract.unit import Start, Unit
from outlast.contract.view import NodeView

PACKAGE = "outlast.components.etcd"
CLIENT_PORT = 2379
PEER_PORT = 2380
FOLDER = "/etc/outlast/etcd"
CONFIG = f"{FOLDER}/etcd.yaml"
PREPARE = f"{FOLDER}/prepare"
DATA = "/var/lib/outlast-etcd/data"
RUNTIME = "/run/outlast-etcd"


def render(view: NodeView[EtcdOptions]) -> Part:
    """Everything that one member needs on this machine."""
    peer = view.port("etcd-peer")
    own = identity(view.member, FOLDER, user="etcd", addresses=(view.address,))
    values = {
        "view": view,
        "client": view.port("etcd-client"),
        "peer": peer,
        "cluster": ",".join(f"{each.member}=https://{each.address}:{peer}" for each in view.peers),
        "others": ",".join(f"https://{each.address}:{view.port('etcd-client')}" for each in view.others),
        "own": own,
        "authority": AUTHORITY,
        "config": CONFIG,
        "data": DATA,
        "runtime": RUNTIME,
    }
    config = File(CONFIG, fill(PACKAGE, CONFIG.lstrip("/"), **values))
    prepare = File(PREPARE, fill(PACKAGE, PREPARE.lstrip("/"), **values), mode=0o755)
    # A renewed certificate asks for nothing: etcd reads it anew for each connection.
    service = Service("outlast-etcd.service", _unit().text(), restart_on=(config.path,))
    return Part(
        files=(config, prepare, *own.files),
        services=(service,),
        probe=probe(f"https://{view.address}:{view.port('etcd-client')}", own),
        certificates=(own.wanted,),
    )


def _unit() -> Unit:
    return Unit(
        description="Outlast coordination (etcd)",
        before_start=(PREPARE,),
        start=f"/usr/bin/etcd --config-file {RUNTIME}/etcd.yaml",
        # It reports itself started once it has joined a majority: the first member of a new cluster waits for others.
        type=Start.NOTIFY,
        user="etcd",
        group="etcd",
        state="outlast-etcd",
        runtime="outlast-etcd",
        open_files=16384,
        start_limit=60,
        stop_limit=20,
    )
