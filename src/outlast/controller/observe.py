"""Looks at every machine of a blueprint at once, and says of each what it answered or that it did not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from outlast.apply.apply import Applier, edition
from outlast.apply.facts import Observed, Silent
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.component import AnyComponent
from outlast.contract.probe import Health, Output, Report
from outlast.contract.registry import Registry
from outlast.kernel.errors import OutlastError, Unreachable
from outlast.machines.kept import Connector

CONNECT_LIMIT = 3.0


@dataclass(frozen=True, slots=True)
class Sight:
    """One look at a site: for each machine of the blueprint what it answered, or its silence."""

    answers: dict[str, Observed | Silent]

    def report(self, registry: Registry, member: str, component: str, machine: str) -> Report[object]:
        """What is known of one member; health unknown when its machine was silent."""
        answer = self.answers[machine]
        if isinstance(answer, Silent):
            return Report(Health.UNKNOWN, answer.because)
        return read(registry[component], answer, member)


def read(component: AnyComponent, answer: Observed, member: str) -> Report[object]:
    """The report of one member on a machine that answered."""
    output = answer.output(member)
    return understood(component, output) if output else Report(Health.UNKNOWN, "it has no probe")


def understood(component: AnyComponent, output: Output) -> Report[object]:
    """What a probe's output says; unknown when the component's parser stumbles over it.

    A parser is anybody's code and a probe can be cut off in the middle: neither may end the look at a whole site.
    """
    try:
        return component.parse(output)
    except Exception as error:  # noqa: BLE001 - see above: whatever it raises, the member's health is unknown
        lines = str(error).splitlines() or [""]
        return Report(Health.UNKNOWN, f"what its probe printed cannot be read ({type(error).__name__}: {lines[0]})")


async def look(
    blueprint: Blueprint, connector: Connector, vault: Vault, machines: Iterable[str] | None = None
) -> Sight:
    """One look at all machines (or at some) in parallel; a silent machine costs its connect limit, not the look."""
    names = list(blueprint.bundle_by_machine if machines is None else machines)
    answers = await asyncio.gather(*(_look(blueprint, connector, vault, name) for name in names))
    return Sight(dict(zip(names, answers, strict=True)))


async def _look(blueprint: Blueprint, connector: Connector, vault: Vault, name: str) -> Observed | Silent:
    try:
        machine = await connector.connect(name, limit=CONNECT_LIMIT)
    except Unreachable as error:
        return Silent(name, error.findings[0].why)
    try:
        return await Applier(machine, blueprint.bundle_by_machine[name], edition(blueprint), vault).observe()
    except OutlastError as error:
        return Silent(name, error.findings[0].why)
    finally:
        await machine.close()
