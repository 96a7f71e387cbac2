"""HAProxy on every edge machine: the only part of the site that the world talks to."""

from __future__ import annotations

from outlast.components.haproxy.gauge import GAUGE
from outlast.components.haproxy.model import MODEL
from outlast.components.haproxy.options import EdgeOptions
from outlast.components.haproxy.passage import PASSAGE
from outlast.components.haproxy.probe import parse
from outlast.components.haproxy.render import HEALTH_PATH, render
from outlast.contract.component import Claim, Component, InPool
from outlast.contract.interface import Http, Provided, Reach, Required
from outlast.contract.slot import Slot, in_slot


def _provides(_options: EdgeOptions, _index: int) -> tuple[Provided, ...]:
    return (
        Provided("https", port=443, public=True),
        # Whoever wants to know whether this edge is well asks for this path; the edge answers it by itself.
        Provided("http", port=80, public=True, http=Http(routes=(), health=HEALTH_PATH)),
    )


def _requires(_options: EdgeOptions) -> tuple[Required, ...]:
    return tuple(Required(in_slot("http-backend", slot), Reach.DATACENTER, optional=True) for slot in Slot)


def _packages(_options: EdgeOptions) -> tuple[str, ...]:
    return ("haproxy",)


COMPONENT = Component(
    name="haproxy",
    summary="The edge: HTTPS for the world, balanced over the healthy app machines",
    claim=Claim("edge", default=True),
    options=EdgeOptions,
    placement=InPool("edge", count=None, size=2),
    provides=_provides,
    requires=_requires,
    packages=_packages,
    render=render,
    parse=parse,
    settle=15.0,
    model=MODEL,
    presets={
        "fast": {"timeouts": {"connect": "200ms"}},
        "patient": {"timeouts": {"connect": "1s"}},
    },
    gauge=GAUGE,
    passage=PASSAGE,
)
