"""What machines hold against what they were told to hold: a dry run of landing on every one of them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from outlast.apply.apply import Applier
from outlast.apply.facts import Landed, Pending
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.controller.observe import CONNECT_LIMIT
from outlast.kernel.errors import Unreachable
from outlast.machines.provider import Power, Provider


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a machine is not as it was told."""

    machine: str
    what: str


async def drift(blueprint: Blueprint, provider: Provider, vault: Vault) -> tuple[Drift, ...]:
    """Every drift from `blueprint`, by machine. A machine that does not answer is one too."""
    found = {machine.name: machine for machine in await provider.list()}
    running = {name for name, machine in found.items() if machine.power is Power.ON}
    names = list(blueprint.bundle_by_machine)
    looks = await asyncio.gather(*(_look(blueprint, provider, vault, name, name in running) for name in names))
    return tuple(drifted for drifts in looks for drifted in drifts)


async def _look(blueprint: Blueprint, provider: Provider, vault: Vault, name: str, running: bool) -> list[Drift]:
    if not running:
        return [Drift(name, "does not exist or its power is off: it will be started or made anew")]
    try:
        machine = await provider.connect(name, limit=CONNECT_LIMIT)
    except Unreachable as error:
        return [Drift(name, f"does not answer: {error.findings[0].why}")]
    try:
        bundle = blueprint.bundle_by_machine[name]
        applier = Applier(machine, bundle, blueprint.topology.site, blueprint.generation, vault)
        return [Drift(name, what) for what in _differences(await applier.land(dry=True))]
    finally:
        await machine.close()


def _differences(landed: Landed) -> list[str]:
    services = landed.pending.items()
    return [
        *(f"{path} is not as it was written: it will be written again" for path in landed.changed),
        *(f"the release {wanted.name} {wanted.digest} is missing" for wanted in landed.artifacts),
        *(f"{name} needs a {need}" for name, need in services if need is not Pending.NONE),
        *(f"{path} is left over: it will be removed" for path in landed.leftovers.files),
        *(f"{name} is left over: it will be stopped" for name in landed.leftovers.services),
    ]
