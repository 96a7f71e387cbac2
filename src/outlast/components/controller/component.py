"""The controllers on the data machines: one leads by a lease in etcd, and heals and sizes the site."""

from __future__ import annotations

from outlast.components.controller.options import ControllerOptions
from outlast.components.controller.probe import parse
from outlast.components.controller.recipe import recipe
from outlast.components.controller.render import render
from outlast.contract.component import Claim, Component, InPool
from outlast.contract.interface import Provided, Reach, Required


def _provides(_options: ControllerOptions, _index: int) -> tuple[Provided, ...]:
    return ()


def _requires(_options: ControllerOptions) -> tuple[Required, ...]:
    return (Required("etcd-client", Reach.DATACENTER),)


def _packages(_options: ControllerOptions) -> tuple[str, ...]:
    return ("python3-venv",)


COMPONENT = Component(
    name="controller",
    summary="What keeps the site as it shall be when nobody looks: one leads, the others follow it",
    claim=Claim("controller", default=True),
    options=ControllerOptions,
    placement=InPool("data", count=lambda options: options.members, size=3),
    provides=_provides,
    requires=_requires,
    packages=_packages,
    render=render,
    parse=parse,
    settle=30.0,
    builds=recipe,
    governs=True,
)
