"""Makes machines anew from a newer image, one after another: whoever takes writes last, and after a planned switch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.probe import Health, Report
from outlast.controller.carry import Carrier
from outlast.controller.observe import look
from outlast.controller.outcome import Outcome, Terms
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.provider import Renewing

CONNECT_LIMIT, SWITCH_LIMIT = 10.0, 60.0


@dataclass(frozen=True)
class Upgrade:
    """One upgrade of a site as it is applied. Killed at any instant, the next one goes on with the machines that are
    left: each knows what it was made from."""

    workspace: Workspace
    blueprint: Blueprint
    terms: Terms
    emit: Emit

    async def renew(self, *, anyway: bool) -> bool:
        """A new image, if something in it is newer. Raises `OutlastError` where machines have no image."""
        return await self._maker().renew(self.blueprint.packages, self.emit, anyway=anyway)

    async def revert(self) -> None:
        """The image of before again. Raises `OutlastError` when there is none."""
        if not await self._maker().revert():
            why = "the site was never upgraded, or that image is gone"
            raise OutlastError(Finding("image", "there is none to go back to", why, "run `outlast upgrade`"))
        await self.workspace.provider.prepare(self.blueprint.packages, self.emit)

    async def left(self) -> tuple[str, ...]:
        """The machines that are to be made anew, in the order in which they will be."""
        await self.workspace.provider.prepare(self.blueprint.packages, self.emit)
        old = {found.name for found in await self.workspace.provider.list() if not found.renewed}
        if not old:
            return ()
        held = {self.blueprint.topology.member_by_name[name].machine for name in _writers(await self._reports())}
        names = [machine.name for machine in self.blueprint.topology.machines if machine.name in old]
        return tuple(sorted(names, key=lambda name: name in held))

    async def mend(self) -> None:
        """What one that was killed left half made is whole again. Raises `OutlastError`."""
        builds = self.workspace.held_builds(self.blueprint)
        await Carrier(self.workspace, builds, self.terms, self.emit).carry_out(self.blueprint)

    async def replace(self, names: Sequence[str]) -> AsyncIterator[tuple[str, Outcome]]:
        """Make machines anew, each when all before are whole again."""
        site = self.workspace
        for name in names:
            await self._switched(name)
            terms = replace(self.terms, replace=name, only=frozenset({name}))
            builds = site.held_builds(self.blueprint)
            yield name, await Carrier(site, builds, terms, self.emit).carry_out(self.blueprint)

    async def _switched(self, name: str) -> None:
        """Whoever takes the writes there hands them to another member first."""
        reports = await self._reports()
        ill = [member for member, report in reports.items() if report.health is not Health.HEALTHY]
        if ill:
            why = f"{', '.join(ill)} is not healthy, and nothing more is taken away meanwhile"
            fix = "run `outlast up`, then `outlast upgrade` again: it goes on from here"
            raise OutlastError(Finding(name, "it was not made anew", why, fix))
        writers = _writers(reports)
        for member in self.blueprint.topology.members_by_machine[name]:
            switch = self.workspace.registry[member.component].switch
            if switch and member.name in writers:
                self.emit(Event(member.name, Phase.PROGRESS, "hands the writes over"))
                machine = await self.workspace.provider.connect(name, limit=CONNECT_LIMIT)
                try:
                    done = await machine.run(switch, limit=SWITCH_LIMIT)
                finally:
                    await machine.close()
                if done.returncode != 0:
                    why = done.stderr.decode(errors="replace").strip() or f"it exited with {done.returncode}"
                    raise OutlastError(Finding(member.name, "it did not hand the writes over", why, "run it again"))

    async def _reports(self) -> dict[str, Report[object]]:
        site = self.workspace
        sight = await look(self.blueprint, site.provider, site.vault)
        members = self.blueprint.topology.members
        return {m.name: sight.report(site.registry, m.name, m.component, m.machine) for m in members}

    def _maker(self) -> Renewing:
        provider = self.workspace.provider
        if isinstance(provider, Renewing):
            return provider
        what, why = "its machines cannot be made anew", "they are the owner's servers, and nobody here makes them"
        fix = "upgrade their packages one after another (`outlast exec … -- apt-get upgrade`), then run `outlast up`"
        raise OutlastError(Finding(self.blueprint.topology.site, what, why, fix))


def _writers(reports: Mapping[str, Report[object]]) -> set[str]:
    """The members that somebody sends writes to."""
    return {primary.member for report in reports.values() for primary in report.primaries}
