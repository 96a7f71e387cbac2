"""What a leading controller does, by the same engine as `outlast up`, and what it first agrees on with the others.

A new size is a new blueprint: it is agreed on when no operator can be at work any more and before the first machine is
changed. So is which machines a remedy is about. That it was carried out is agreed on too, so whoever leads next
finishes what another began: a machine that was made and holds nothing yet looks like one that was helped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from pydantic import TypeAdapter

from outlast.apply.apply import Applier, edition
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.probe import Health
from outlast.contract.secret import Certificate
from outlast.controller.agreement import Agreement
from outlast.controller.lease import held, operator
from outlast.controller.observe import read
from outlast.controller.outcome import Keep, Terms, nothing
from outlast.controller.post import Post
from outlast.controller.renewal import agree_on_the_time, due, holders
from outlast.controller.store import Stage
from outlast.controller.tenure import Tenure
from outlast.controller.up import Up
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Event, Phase
from outlast.machines.kept import Kept
from outlast.machines.machine import Machine
from outlast.machines.provider import Power
from outlast.machines.reusing import Reusing
from outlast.policy.heal import Remedy
from outlast.policy.memory import Verb
from outlast.policy.size import Resize

CONNECT_LIMIT = 5.0
APPLIED, BEGUN = "applied", "begun"
NAMES = TypeAdapter(frozenset[str])


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
        self._is_in_place = True
        self._begun: frozenset[str] = frozenset()

    @property
    def blueprint(self) -> Blueprint:
        """What the site shall be."""
        assert self._blueprint is not None, "adopt() comes first"
        return self._blueprint

    @property
    def finished(self) -> bool:
        """Whether nothing is left of what this leader or an earlier one began."""
        return self._is_in_place and not self._begun

    async def adopt(self) -> None:
        """Go on from what was agreed last: the newest of it, and of what was handed over."""
        own, agreed = self._workspace.store.blueprint(), await self._agreement.intent()
        self._revision = agreed.revision if agreed else 0
        stage = self._workspace.store.stage()
        # Of two with one number the machines have the one that somebody carried out, or that was agreed on first.
        both = (own, agreed and agreed.blueprint) if stage is Stage.DONE else (agreed and agreed.blueprint, own)
        newest = max((b for b in both if b), key=lambda b: b.generation, default=None)
        if newest is None:
            raise OutlastError(_nothing_handed_over())
        self._blueprint = newest
        if agreed is None or agreed.blueprint.digest != newest.digest:
            self._revision = await self._agreement.intend(newest, self._tenure, self._revision)
        applied = await self._agreement.read(APPLIED)
        # What leaders agree on is kept in etcd only. What was handed over was applied by whoever did that, unless its
        # stage says otherwise: an operator who died leaves it begun.
        is_handed = own is not None and own.digest == newest.digest and stage is not Stage.BEGUN
        self._is_in_place = is_handed or (applied is not None and applied.value.decode() == newest.digest)
        begun = await self._agreement.read(BEGUN)
        self._begun = NAMES.validate_json(begun.value) if begun else frozenset()

    async def remedy(self, remedy: Remedy) -> None:
        """Do it and wait until it has helped. Raises `OutlastError`."""
        text = f"{remedy.subject}: {remedy.verb}, because {remedy.because}"
        match remedy.verb:
            case Verb.RESTART:
                if not await self._restart(remedy.subject, text):
                    self._post.tell(f"{remedy.subject}: is healthy by now, and left alone")
                    return
            case Verb.START:
                await self._remake(text, remedy.subject)
            case Verb.CYCLE:
                await self._cycle(remedy.subject, text)
            case Verb.REPLACE:
                await self._remake(text, remedy.subject, replace=remedy.subject)
        self._post.tell(f"{remedy.subject}: {remedy.verb} helped")

    async def resize(self, resizes: Sequence[Resize]) -> None:
        """Give services these numbers of members. Raises `OutlastError`."""
        text = "; ".join(f"{each.service}: {each.members} members, because {each.because}" for each in resizes)
        before = self.blueprint
        wanted = {(name, service): r.members for r in resizes for name, _, service in [r.service.partition("/")]}
        after = self._workspace.compiler.resized(before, wanted)
        if after.digest == before.digest:
            return

        async def agree() -> None:
            self._revision = await self._agreement.intend(after, self._tenure, self._revision)
            self._blueprint, self._is_in_place = after, False

        machines = _differing(before, after)
        await self._bring(text, after, machines, agree, about=_affected(before, after, machines))
        await self._applied()
        self._post.tell("; ".join(f"{each.service} has {each.members} members" for each in resizes))

    def due(self) -> tuple[Certificate, ...]:
        """The certificates that are to be made anew."""
        return due(self._workspace.anew().vault, self.blueprint)

    async def renew(self, certificates: Collection[Certificate]) -> None:
        """Make these anew and give them to every controller. They are sent to the machines as what was begun: that
        restarts the controllers too, and this leader is one. Raises `OutlastError`."""
        site, names = self._workspace.anew(), sorted(certificate.name for certificate in certificates)
        async with AsyncExitStack() as open_:
            machines = await self._answering(open_, self.blueprint.bundle_by_machine)
            await agree_on_the_time(machines.values())
            async with held(machines, self._holder, 0.0, self._post.hears):
                self._post.does(f"makes certificates anew, because they end soon: {', '.join(names)}")
                await self._note(self._begun | holders(self.blueprint, certificates))
                for certificate in certificates:
                    site.vault.issue(certificate)
            # To itself last: whoever leads begins anew with what it is given.
            own = self.blueprint.topology.member_by_name[self._tenure.member].machine
            for is_own in (False, True):
                there = {name: machine for name, machine in machines.items() if (name == own) is is_own}
                await site.hand_over(self.blueprint, there, site.store.stage(), own=False)
        self._post.tell(f"made certificates anew: {', '.join(names)}")

    async def finish(self) -> None:
        """Carry out what was begun and not finished. Raises `OutlastError`."""
        wanted = self.blueprint.bundle_by_machine.keys()
        if self._is_in_place:
            what, only = ", ".join(sorted(self._begun)), self._begun & wanted
        else:
            what, only = f"generation {self.blueprint.generation}", wanted
        # Also when the site wants none of them any more: one may have been made since, and goes again.
        await self._bring(f"{what}: is finished", self.blueprint, only)
        if not self._is_in_place:
            await self._applied()
        await self._note(frozenset())
        self._post.tell(f"{what}: is in place")

    async def _remake(self, text: str, name: str, replace: str = "") -> None:
        """Bring one machine back. Until it holds everything again, whoever leads has to see to it."""
        await self._bring(text, self.blueprint, {name}, lambda: self._note(self._begun | {name}), replace)
        await self._note(self._begun - {name})

    async def _note(self, begun: frozenset[str]) -> None:
        """Agree on which machines are not to be left as they are."""
        if begun != self._begun:
            await self._agreement.write(BEGUN, NAMES.dump_json(begun), self._tenure)
            self._begun = begun

    async def _applied(self) -> None:
        await self._agreement.write(APPLIED, self.blueprint.digest.encode(), self._tenure)
        self._is_in_place = True

    async def _bring(
        self,
        text: str,
        blueprint: Blueprint,
        machines: Collection[str],
        agree: Keep = nothing,
        replace: str = "",
        about: frozenset[str] | None = None,
    ) -> None:
        """Make these machines as the blueprint has them, whatever the others are. `text` is told once nobody else can
        be at work: whoever waits has begun nothing."""
        # A tenure may be longer than a certificate is valid.
        site = self._workspace.anew()

        async def keep() -> None:
            self._post.does(text)
            await agree()

        async def finish(there: Mapping[str, Machine]) -> None:
            await site.hand_over(blueprint, there, own=False, new=True)

        terms = Terms(self._holder, only=frozenset(machines), about=about, replace=replace, keep=keep, finish=finish)
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
            await self._note(self._begun | {name})
            await self._provider.power_off(name)
            await self._remake(text, name)

    async def _restart(self, member: str, text: str) -> bool:
        """Whether it was restarted: it is looked at once more when nobody else can be at work any more. What was heard
        before may be of an operator who restarted it, and is at the next one."""
        held_as = self.blueprint.topology.member_by_name[member]
        home, component = held_as.machine, self._workspace.registry[held_as.component]
        async with self._connected(home) as machine, held({home: machine}, self._holder, 0.0, self._post.hears):
            bundle = self.blueprint.bundle_by_machine[home]
            applier = Applier(machine, bundle, edition(self.blueprint, self._holder), self._workspace.vault)
            if read(component, await applier.observe([member]), member).health is Health.HEALTHY:
                return False
            self._post.does(text)
            before = self._begun
            await self._note(before | {home})
            services = [service.name for service in bundle.part(member).services if service.enabled]
            await applier.activate(services, force="restart")
            await self._note(before)
            return True

    async def _answering(self, open_: AsyncExitStack, names: Collection[str]) -> dict[str, Machine]:
        """Those of these machines that answer, by name."""

        async def one(name: str) -> Machine | None:
            with suppress(Unreachable):
                return await open_.enter_async_context(self._connected(name))
            return None

        found = await asyncio.gather(*map(one, names))
        return {machine.name: machine for machine in found if machine is not None}

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


def _affected(before: Blueprint, after: Blueprint, machines: Collection[str]) -> frozenset[str]:
    """The members on these machines that are new or other than before. On some only the firewall is."""
    old = {(b.machine, held.member): held.part for b in before.bundles for held in b.parts}
    bundles = [after.bundle_by_machine[name] for name in machines]
    return frozenset(h.member for b in bundles for h in b.parts if old.get((b.machine, h.member)) != h.part)


def _nothing_handed_over() -> Finding:
    why = "neither was it handed over to this machine nor agreed on"
    return Finding("controller", "it has no blueprint of the site", why, "run `outlast up`")
