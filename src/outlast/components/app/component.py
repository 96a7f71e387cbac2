"""An app of the owner: a service built from source, found by the edge through its routes."""

from __future__ import annotations

from outlast.components.app.container import PACKAGES
from outlast.components.app.model import MODEL
from outlast.components.app.options import AppOptions, Measure
from outlast.components.app.probe import parse
from outlast.components.app.recipe import recipe
from outlast.components.app.render import render
from outlast.contract.changeover import Changeover
from outlast.contract.component import Claim, Component, InPool
from outlast.contract.interface import Http, Provided, Reach, Required
from outlast.contract.scaling import Metric, Scaling
from outlast.contract.slot import Slot, in_slot
from outlast.contract.source import Image
from outlast.kernel.network import Destination


def _provides(options: AppOptions, _index: int) -> tuple[Provided, ...]:
    http = Http(options.routes, options.health)
    ports = [options.port, options.port and options.port + 1]
    return tuple(
        Provided(in_slot("http-backend", slot), port=port, http=http) for slot, port in zip(Slot, ports, strict=True)
    )


def _requires(options: AppOptions) -> tuple[Required, ...]:
    # Always an address on its own machine: the app survives whatever happens behind it without knowing.
    return tuple(Required(use, Reach.MACHINE) for use in options.uses)


def _calls(options: AppOptions) -> tuple[Destination, ...]:
    return options.calls


def _packages(options: AppOptions) -> tuple[str, ...]:
    containers = PACKAGES if isinstance(options.origin, Image) else ()
    return ("curl", "python3-venv", *containers, *options.packages)


def _scales(options: AppOptions) -> Scaling:
    scale = options.scale
    return Scaling(
        least=scale.min,
        most=scale.max,
        capacity=float(scale.concurrency),
        target=scale.target,
        latency=scale.latency,
        processor=scale.processor,
        metric=_metric(scale.metric),
        spare=scale.spare,
        calm=scale.calm,
        seasons=tuple(entry.season for entry in scale.schedule),
    )


def _metric(figure: Measure | None) -> Metric | None:
    if figure is None:
        return None
    return Metric("http-backend", figure.path, figure.name, figure.per_member, figure.shared)


def _changeover(options: AppOptions) -> Changeover:
    rollout = options.rollout
    return Changeover(
        canary=rollout.canary,
        watch=rollout.watch,
        errors=rollout.errors,
        slower=rollout.slower,
        memory=rollout.memory,
        start=options.start,
        drain=options.stop,
    )


COMPONENT = Component(
    name="app",
    summary="Your web app: built once from its source, run on every app machine, healed and scaled",
    claim=Claim("apps", many=True),
    options=AppOptions,
    placement=InPool("app", count=lambda options: options.scale.min, size=1),
    provides=_provides,
    requires=_requires,
    packages=_packages,
    render=render,
    parse=parse,
    builds=recipe,
    model=MODEL,
    calls=_calls,
    scales=_scales,
    changeover=_changeover,
)
