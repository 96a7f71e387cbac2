"""On what terms an operator changes a site that may have controllers: what these are told, and when.

They are handed what is wanted before the first machine is changed, as something that was begun. An operator who dies
is silent, the machines' leases end, and the leader goes on where it stopped. One who fails or is interrupted takes that
back: a leader knows the site as it is meant then, and finishes nothing that somebody stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Artifact
from outlast.contract.registry import Registry
from outlast.controller.kit import in_use
from outlast.controller.outcome import Terms
from outlast.controller.owner import readers
from outlast.controller.store import Stage
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import OutlastError
from outlast.machines.machine import Machine

TELL_LIMIT = 30.0


def operates(workspace: Workspace, blueprint: Blueprint, terms: Terms) -> Terms:
    """The terms on which an operator carries out `blueprint`, with what is kept and told."""
    before = workspace.store.blueprint()

    async def keep() -> None:
        workspace.vault.keep()
        workspace.store.keep(blueprint)

    async def tell(machines: Mapping[str, Machine], stage: Stage) -> None:
        # A site whose controllers cannot be told is changed all the same: that may be what mends them.
        with suppress(OutlastError, TimeoutError):
            async with asyncio.timeout(TELL_LIMIT):
                await workspace.hand_over(blueprint, machines, stage)

    async def begin(machines: Mapping[str, Machine]) -> None:
        await tell(machines, Stage.BEGUN)

    async def halt(machines: Mapping[str, Machine]) -> None:
        await tell(machines, Stage.HALTED)

    async def finish(machines: Mapping[str, Machine]) -> None:
        # Not sooner: what is taken back may read a secret that this does not.
        workspace.vault.narrow(readers(blueprint))
        await workspace.hand_over(blueprint, machines)

    terms = replace(terms, keep=keep, finish=finish)
    if before is None or not _same_governors(before, blueprint, workspace.registry):
        # Nobody is there who could go on, or only a release that may not understand what this one writes.
        return terms
    return replace(terms, first=frozenset(in_use(blueprint) - in_use(before)), begin=begin, halt=halt)


def _same_governors(before: Blueprint, after: Blueprint, registry: Registry) -> bool:
    """Whether the site has controllers, and keeps their release."""
    return bool(_governors(before, registry)) and _governors(before, registry) == _governors(after, registry)


def _governors(blueprint: Blueprint, registry: Registry) -> set[Artifact]:
    members = [member for member in blueprint.topology.members if registry[member.component].governs]
    parts = [blueprint.bundle_by_machine[member.machine].part(member.name) for member in members]
    return {artifact for part in parts for artifact in part.artifacts}
