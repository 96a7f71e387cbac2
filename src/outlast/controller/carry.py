"""Carries out a blueprint for an operator: what came of it is kept, and what did not do well is taken back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.withdraw import withdrawn
from outlast.controller.operate import operates
from outlast.controller.outcome import Outcome, Terms
from outlast.controller.shipments import Fate, Shipment, releases_of
from outlast.controller.source import handed
from outlast.controller.up import Up
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Emit
from outlast.machines.provider import BuildOrder


class Interrupted(asyncio.CancelledError):
    """Somebody ended the command; `done` is what was finished before."""

    def __init__(self, done: tuple[str, ...]) -> None:
        super().__init__()
        self.done = done


@dataclass(frozen=True)
class Carrier:
    """`builds` says for each artifact's name how its release is built; `terms` are completed with what a site keeps."""

    workspace: Workspace
    builds: Mapping[str, BuildOrder]
    terms: Terms
    emit: Emit

    async def carry_out(self, wanted: Blueprint) -> Outcome:
        """Make the site so. Raises `OutlastError`; what was withdrawn is out by then, and what ran before serves."""
        began = time.monotonic()
        before = self.workspace.store.in_place()
        work = self._work(wanted)
        try:
            outcome = await work.run()
        except asyncio.CancelledError:
            raise Interrupted(tuple(work.done)) from None
        except OutlastError as error:
            if before is None or not work.withdrawn:
                raise
            await self._take_back(wanted, before, work.withdrawn, error)
            raise OutlastError(*error.findings, *(_serves(before, name) for name in sorted(work.withdrawn))) from None
        self._keep(wanted, time.monotonic() - began - _building(outcome))
        return outcome

    def _work(self, blueprint: Blueprint) -> Up:
        site = self.workspace
        terms = operates(site, blueprint, self.terms)
        return Up(blueprint, site.registry, site.provider, site.vault, self.builds, self.emit, terms)

    async def _take_back(self, wanted: Blueprint, before: Blueprint, services: set[str], error: OutlastError) -> None:
        back = withdrawn(wanted, before, services)
        store = self.workspace.store
        builds = {a.name: handed(a, store) for name, a in releases_of(before).items() if name in services}
        why = error.findings[0]
        now, by = _stamp(), self._by
        shipped = releases_of(wanted)
        store.shipments.note(
            *(
                Shipment(
                    name,
                    shipped[name].digest,
                    Fate.WITHDRAWN,
                    now,
                    by,
                    because=f"{why.what}: {why.why.splitlines()[0]}",
                )
                for name in sorted(services & shipped.keys())
                if shipped[name] != releases_of(before).get(name)
            )
        )
        carrier = replace(self, builds={**self.builds, **builds}, terms=replace(self.terms, replace=""))
        await carrier._work(back).run()
        store.keep_in_place(back)

    def _keep(self, blueprint: Blueprint, seconds: float) -> None:
        store = self.workspace.store
        old, new = releases_of(store.in_place()), releases_of(blueprint)
        store.keep_in_place(blueprint)
        changed = sorted(name for name in new if old.get(name) != new[name])
        entries = [(n, new[n].digest, Fate.IN_PLACE, _stamp(), self._by, round(seconds, 2)) for n in changed]
        if entries:
            store.shipments.note(*(Shipment(*entry) for entry in entries))

    @property
    def _by(self) -> str:
        holder = self.terms.holder
        return f"{holder.user} on {holder.host}" if holder else ""


def _building(outcome: Outcome) -> float:
    """Seconds until the last release was built."""
    return max((span.end for span in outcome.spans if span.name.startswith("build ")), default=0.0)


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _serves(before: Blueprint, service: str) -> Finding:
    release = releases_of(before).get(service)
    what = f"release {release.digest} serves" if release else "what ran before serves"
    return Finding(
        where=service,
        what=f"it was taken back: {what}",
        why="what should have taken over did not do well",
        fix=f"mend it, then run `outlast deploy {service}`; `outlast up` leaves it as it is until then",
    )
