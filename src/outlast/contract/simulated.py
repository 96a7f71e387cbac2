"""Components as simulated machines run them: with their models, or by the plain rule that what runs is healthy."""

from __future__ import annotations

from dataclasses import replace

from outlast.contract.bundle import Part
from outlast.contract.component import AnyComponent
from outlast.contract.probe import Health, Output, Report
from outlast.contract.registry import Registered, Registry
from outlast.contract.view import NodeView


def simulated(registry: Registry) -> Registry:
    """The same components for simulated machines: those without a model become plain ones."""
    return Registry(tuple(Registered(c if c.model else plain(c), registry.example(c.name)) for c in registry))


def plain(component: AnyComponent) -> AnyComponent:
    """The component with a probe that any systemd answers, and without a steward: each member is on its own."""

    def render(view: NodeView[object]) -> Part:
        part = component.render(view)
        services = [service.name for service in part.services if service.enabled]
        return replace(part, probe=("systemctl", "is-active", *services) if services else ())

    return replace(component, render=render, parse=_is_active, steward=None)


def _is_active(output: Output) -> Report[None]:
    states = output.stdout.split()
    if states and set(states) == {"active"}:
        return Report(Health.HEALTHY, "its service runs (simulated)")
    return Report(Health.UNHEALTHY, f"its service is {', '.join(states) or 'not there'} (simulated)")
