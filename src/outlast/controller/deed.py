"""What a leading controller does, by the same engine as `outlast up`, and what it first agrees on with the others.

A new size is a new blueprint: it is agreed on when no operator can be at work any more and before the first machine is
changed. That it was carried out is agreed on too, so whoever leads next finishes what another began.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from outlast.apply.apply import Applier, edition
from outlast.blueprint.blueprint import Blueprint
from outlast.controller.agreement import Agreement
from outlast.controller.lease import held, operator
from outlast.controller.outcome import Keep, Terms, nothing
from outlast.controller.post import Post
from outlast.controller.tenure import Tenure
from outlast.controller.up import Up
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Event, Phase
from outlast.machines.kept import Kept
from outlast.machines.machine import Machine
from outlast.machines.provider import Power
from outlast.machines.reusing import Reusing
from outlast.policy.heal import Remedy
from outlast.policy.memory import Verb
from outlast.policy.size import Resize

CONNECT_LIMIT = 5.0
APPLIED = "applied"


class Deeds:
    """Everything that is done to a site in one tenure. `kept`: connections that are open anyway."""

    def __init__(
        self, workspace: Workspace, agreement: Agreement, tenure: Tenure, post: Post, kept: Kept | None = None
    ) -> None:
        self._workspace, self._agreement, self._tenure, self._post = workspace, agreement, tenure, post
        provider = workspace.provider
        self._provider = Reusing(provider, kept) if kept else provider
        self._holder = operator("controller", user=tenure.member, tenure=tenure.number)
        self._revision = 0
        self._blueprint: Blueprint | None = None
        self.finished = True

    @property
    def blueprint(self) -> Blueprint:
        """What the site shall be."""
        assert self._blueprint is not None, "adopt() comes first"
        return self._blueprint

    async def adopt(self) -> None:
        """Go on from what was agreed last: the newest of it, and of what was handed over."""
        own, agreed = self._workspace.store.blueprint(), await self._agreement.intent()
        self._revision = agreed.revision if agreed else 0
        newest = max((b for b in (own, agreed and agreed.blueprint) if b), key=lambda b: b.generation, default=None)
        if newest is None:
            raise OutlastError(_nothing_handed_over())
        self._blueprint = newest
        if agreed is None or agreed.blueprint.digest != newest.digest:
            self._revision = await self._agreement.intend(newest, self._tenure, self._revision)
        applied = await self._agreement.read(APPLIED)
        # What was handed over was applied by whoever did that; what leaders agree on is kept in etcd only.
        is_handed = own is not None and own.digest == newest.digest
        self.finished = is_handed or (applied is not None and applied.value.decode() == newest.digest)

    async def remedy(self, remedy: Remedy) -> None:
        """Do it and wait until it has helped. Raises `OutlastError`."""
        text = f"{remedy.subject}: {remedy.verb}, because {remedy.because}"
        match remedy.verb:
            case Verb.RESTART:
                await self._restart(remedy.subject, text)
            case Verb.START:
                await self._bring(text, self.blueprint, {remedy.subject})
            case Verb.CYCLE:
                await self._cycle(remedy.subject, text)
            case Verb.REPLACE:
                await self._bring(text, self.blueprint, {remedy.subject}, replace=remedy.subject)
        self._post.tell(f"{remedy.subject}: {remedy.verb} helped")

    async def resize(self, resizes: Sequence[Resize]) -> None:
        """Give services these numbers of members. Raises `OutlastError`."""
        text = "; ".join(f"{each.service}: {each.members} members, because {each.because}" for each in resizes)
        before = self.blueprint
        wanted = {(name, service): r.members for r in resizes for name, _, service in [r.service.partition("/")]}
        after = self._workspace.resized(before, wanted)
        if after.digest == before.digest:
            return

        async def agree() -> None:
            self._revision = await self._agreement.intend(after, self._tenure, self._revision)
            self._blueprint, self.finished = after, False

        await self._bring(text, after, _differing(before, after), agree)
        await self._applied()
        self._post.tell("; ".join(f"{each.service} has {each.members} members" for each in resizes))

    async def finish(self) -> None:
        """Carry out what was agreed on and not finished. Raises `OutlastError`."""
        number = self.blueprint.generation
        await self._bring(f"generation {number}: is finished", self.blueprint, self.blueprint.bundle_by_machine)
        await self._applied()
        self._post.tell(f"generation {number} is in place")

    async def _applied(self) -> None:
        await self._agreement.write(APPLIED, self.blueprint.digest.encode(), self._tenure)
        self.finished = True

    async def _bring(
        self,
        text: str,
        blueprint: Blueprint,
        machines: Collection[str],
        agree: Keep = nothing,
        replace: str = "",
    ) -> None:
        """Make these machines as the blueprint has them, whatever the others are. `text` is told once nobody else can
        be at work: whoever waits has begun nothing."""
        site = self._workspace

        async def keep() -> None:
            self._post.does(text)
            await agree()

        async def finish(there: Mapping[str, Machine]) -> None:
            await site.hand_over(blueprint, there, new=True)

        terms = Terms(self._holder, only=frozenset(machines), replace=replace, keep=keep, finish=finish)
        builds = site.held_builds(blueprint)
        done = await Up(blueprint, site.registry, self._provider, site.vault, builds, self._post.hears, terms).run()
        for span in done.spans:
            self._post.hears(Event(span.name, Phase.PROGRESS, f"{span.start:.1f} s to {span.end:.1f} s"))
        for line in done.done:
            self._post.tell(line)

    async def _cycle(self, name: str, text: str) -> None:
        """Take the machine's power away and give it back, as nobody but this controller may meanwhile."""
        on = sorted(found.name for found in await self._provider.list() if found.power is Power.ON)
        first = next((other for other in on if other != name), name)
        async with self._connected(first) as machine, held({first: machine}, self._holder, 0.0, self._post.hears):
            await self._provider.power_off(name)
            await self._bring(text, self.blueprint, {name})

    async def _restart(self, member: str, text: str) -> None:
        home = self.blueprint.topology.member_by_name[member].machine
        async with self._connected(home) as machine, held({home: machine}, self._holder, 0.0, self._post.hears):
            self._post.does(text)
            bundle = self.blueprint.bundle_by_machine[home]
            applier = Applier(machine, bundle, edition(self.blueprint, self._holder), self._workspace.vault)
            services = [service.name for service in bundle.part(member).services if service.enabled]
            await applier.activate(services, force="restart")

    @asynccontextmanager
    async def _connected(self, name: str) -> AsyncGenerator[Machine]:
        machine = await self._provider.connect(name, limit=CONNECT_LIMIT)
        try:
            yield machine
        finally:
            await machine.close()


def _differing(before: Blueprint, after: Blueprint) -> set[str]:
    """The machines of `after` that are new or get anything else than before."""
    old = before.bundle_by_machine
    return {name for name, bundle in after.bundle_by_machine.items() if old.get(name) != bundle}


def _nothing_handed_over() -> Finding:
    why = "neither was it handed over to this machine nor agreed on"
    return Finding("controller", "it has no blueprint of the site", why, "run `outlast up`")
