"""One etcd member: its configuration and its service."""

from __future__ import annotations

from outlast.components.etcd.options import EtcdOptions
from outlast.components.etcd.probe import probe
from outlast.contract.bundle import File, Part, Service
from outlast.contract.template import render as fill
from outlast.contract.unit import Start, Unit
from outlast.contract.view import NodeView

CLIENT_PORT = 2379
PEER_PORT = 2380
CONFIG = "/etc/outlast/etcd/etcd.yaml"


def render(view: NodeView[EtcdOptions]) -> Part:
    """Everything that one member needs on this machine."""
    text = fill(
        "outlast.components.etcd",
        CONFIG.lstrip("/"),
        view=view,
        client=view.port("etcd-client"),
        peer=view.port("etcd-peer"),
        cluster=",".join(f"{peer.member}=http://{peer.address}:{view.port('etcd-peer')}" for peer in view.peers),
    )
    config = File(CONFIG, text)
    service = Service("outlast-etcd.service", _unit().text(), restart_on=(config.path,))
    return Part(files=(config,), services=(service,), probe=probe(view.port("etcd-client")))


def _unit() -> Unit:
    return Unit(
        description="Outlast coordination (etcd)",
        start=f"/usr/bin/etcd --config-file {CONFIG}",
        # It reports itself started once it has joined a majority: the first member of a new cluster waits for others.
        type=Start.NOTIFY,
        user="etcd",
        group="etcd",
        state="outlast-etcd",
        open_files=16384,
        start_limit=60,
        stop_limit=20,
    )
