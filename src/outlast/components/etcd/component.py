"""etcd on the data machines: leases and elections of the controllers. Never in the path of a request."""

from __future__ import annotations

from outlast.components.etcd.model import MODEL
from outlast.components.etcd.options import EtcdOptions
from outlast.components.etcd.probe import parse
from outlast.components.etcd.render import CLIENT_PORT, PEER_PORT, render
from outlast.components.etcd.steward import tend
from outlast.contract.component import Claim, Component, InPool
from outlast.contract.interface import Provided, Reach, Required


def _provides(_options: EtcdOptions, _index: int) -> tuple[Provided, ...]:
    return (Provided("etcd-client", port=CLIENT_PORT), Provided("etcd-peer", port=PEER_PORT))


def _requires(options: EtcdOptions) -> tuple[Required, ...]:
    # Their clients' port too: a member without data asks the others for a cluster that it can join.
    return tuple(
        Required(interface, Reach.CLUSTER, optional=options.members == 1) for interface in ("etcd-peer", "etcd-client")
    )


def _packages(_options: EtcdOptions) -> tuple[str, ...]:
    return ("etcd-server", "etcd-client")


COMPONENT = Component(
    name="etcd",
    summary="What the controllers agree on: a lease for their leader, kept by a majority of members",
    claim=Claim("coordination", default=True),
    options=EtcdOptions,
    placement=InPool("data", count=lambda options: options.members, size=3),
    provides=_provides,
    requires=_requires,
    packages=_packages,
    render=render,
    parse=parse,
    steward=tend,
    settle=60.0,
    quorum=True,
    model=MODEL,
)
