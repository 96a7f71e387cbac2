"""Reads a fault from the words of a command line, and from what an experiment's file says."""

from __future__ import annotations

from collections.abc import Sequence

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.target import applied, members_of
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import Finding, Invalid
from outlast.kernel.invalid import Fault as Wrong
from outlast.kernel.units import parse_duration
from outlast.proof.faults.ailments import kinds
from outlast.proof.faults.fault import Fault, Level
from outlast.proof.faults.offer import refuse

Settings = tuple[tuple[str, float], ...]


def chosen(
    workspace: Workspace, kind: str, targets: Sequence[str], others: Sequence[str], seconds: float, given: Settings
) -> Fault:
    """The fault that somebody means. Raises `Invalid` when this site cannot have it."""
    blueprint = applied(workspace)
    known = kinds(workspace.registry).get(kind)
    level = known.level if known else Level.MACHINE
    fault = Fault(kind, _names(blueprint, level, targets), _names(blueprint, level, others), seconds, given)
    refuse(fault, blueprint, workspace.registry, workspace.provider.faults)
    return fault


def duration(text: str) -> float:
    """Seconds. Raises `Invalid`."""
    try:
        return parse_duration(text)
    except Wrong as wrong:
        raise Invalid(Finding("chaos", wrong.what, wrong.why, wrong.fix)) from None


def settings(given: Sequence[str]) -> Settings:
    """`share=0.3`, each. Raises `Invalid`."""
    found: list[tuple[str, float]] = []
    for text in given:
        name, _, number = text.partition("=")
        try:
            found.append((name, float(number)))
        except ValueError:
            why = "a parameter is a name and a number"
            raise Invalid(Finding(f"--set {text}", "this sets nothing", why, "write it like `share=0.3`")) from None
    return tuple(found)


def _names(blueprint: Blueprint, level: Level, given: Sequence[str]) -> tuple[str, ...]:
    """Members or machines for every name, which may also stand for many of them."""
    topology = blueprint.topology
    found: dict[str, None] = {}
    for name in given:
        machines = [m.name for m in topology.machines if name in (m.name, m.datacenter, m.pool)]
        if level is not Level.MEMBER and machines:
            found.update(dict.fromkeys(machines))
        else:
            members = members_of(blueprint, name)
            found.update(dict.fromkeys(m.name if level is Level.MEMBER else m.machine for m in members))
    return tuple(found)
