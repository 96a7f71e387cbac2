"""keepalived on every edge machine: moves an address in less than half a second when its machine vanishes."""

from __future__ import annotations

from outlast.components.keepalived.model import MODEL
from outlast.components.keepalived.options import AddressOptions
from outlast.components.keepalived.probe import parse
from outlast.components.keepalived.render import render
from outlast.contract.component import Claim, Component, InPool
from outlast.contract.interface import Provided, Reach, Required
from outlast.kernel.network import Transport


def _provides(_options: AddressOptions, _index: int) -> tuple[Provided, ...]:
    return (Provided("vrrp", port=0, transport=Transport.VRRP),)


def _requires(_options: AddressOptions) -> tuple[Required, ...]:
    # The address follows whatever answers there; this component does not know what that is. One that is away from home
    # is given back when it answers at its home.
    return (
        Required("http", Reach.DATACENTER),
        # The signs of life of the others. A single one has nobody to tell.
        Required("vrrp", Reach.CLUSTER, optional=True),
    )


def _packages(_options: AddressOptions) -> tuple[str, ...]:
    return ("keepalived", "curl", "iproute2", "nftables")


COMPONENT = Component(
    name="keepalived",
    summary="Floating addresses: the site's public addresses move to a living edge machine at once",
    claim=Claim("addresses", default=True),
    options=AddressOptions,
    placement=InPool("edge", count=None, size=2),
    provides=_provides,
    requires=_requires,
    packages=_packages,
    render=render,
    parse=parse,
    settle=20.0,
    floats=True,
    model=MODEL,
    presets={"fast": {"advert": "20ms"}, "patient": {"advert": "150ms", "home_delay": "30s"}},
)
