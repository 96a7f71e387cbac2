"""One leader's time in office: look each second, decide, have it done, tell what was decided and why.

One thing is done at a time. While it is done the looks go on, and nothing else is decided: what would follow from a
site in the middle of a change is not what would follow from it afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from outlast.contract.scaling import Metric
from outlast.contract.secret import Certificate
from outlast.controller.agreement import Agreement, Deposed
from outlast.controller.deed import Deeds
from outlast.controller.lease import Busy
from outlast.controller.outline import outline, scalings
from outlast.controller.post import Post
from outlast.controller.remembered import dump, parse
from outlast.controller.renewal import EVERY, RETRY
from outlast.controller.senses import Senses
from outlast.controller.tenure import Tenure
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import OutlastError
from outlast.machines.kept import Kept
from outlast.policy.decide import Decision, decide
from outlast.policy.memory import Memory
from outlast.topology.sizes import metrics

PERIOD = 0.5
REMEMBER = 5.0
# What was begun and could not be finished is tried again after so long, and after twice as long each time.
AGAIN, RARELY = 5.0, 1800.0
# At first nobody has been heard yet: nothing is decided before everybody had the time to speak.
HEARING = 3.0
# While an operator is at work: so long until it is looked whether that has ended.
BLOCKED = 5.0


class Reign:
    """The site of `workspace`, governed from `post` for as long as `tenure` lasts.

    What an operator hands over meanwhile is gone on from, with everything that was heard and remembered: who begins
    anew at each change hears nothing for as long as it is made.
    """

    def __init__(self, workspace: Workspace, agreement: Agreement, tenure: Tenure, post: Post) -> None:
        self._workspace, self._agreement, self._tenure, self._post = workspace, agreement, tenure, post
        self._kept = Kept(workspace.provider)
        self._deeds = Deeds(workspace, agreement, tenure, post, self._kept)
        self._memory = Memory()
        self._began = time.monotonic()
        self._remembered = self._blocked = float("-inf")
        self._again, self._finish_at = AGAIN, float("-inf")
        self._renew_at = self._began + EVERY
        self._doing: asyncio.Task[None] | None = None
        self.turned = time.monotonic()
        """When it last looked."""

    async def run(self, newer: Callable[[], Workspace | None]) -> None:
        """Until the tenure is lost. `newer` answers what was handed over since it was asked last, if anything was.
        Raises `OutlastError` when etcd does not answer."""
        await self._deeds.adopt()
        await self._recall()
        self._post.tell(f"leads, with tenure {self._tenure.number}")
        try:
            provider, registry = self._workspace.provider, self._workspace.registry
            ears = Senses(self._deeds.blueprint, registry, provider, kept=self._kept, metrics=self._metrics)
            async with ears.listening() as senses:
                while self._tenure.holds:
                    began = time.monotonic()
                    if workspace := newer():
                        await self._take_over(workspace, senses, began)
                    await self._turn(senses, began)
                    await self._rest(PERIOD - (time.monotonic() - began))
        finally:
            await self._stop()

    async def _take_over(self, workspace: Workspace, senses: Senses, now: float) -> None:
        """What was begun for the site as it was before is left: whoever handed this over went on from it."""
        await self._stop()
        self._workspace = workspace
        senses.rely_on(workspace.provider, self._metrics)
        self._deeds = Deeds(workspace, self._agreement, self._tenure, self._post, self._kept)
        await self._deeds.adopt()
        self._began, self._renew_at = now, now + EVERY
        self._blocked = self._finish_at = float("-inf")
        self._again = AGAIN

    async def _stop(self) -> None:
        if self._doing is not None:
            self._doing.cancel()
            await asyncio.gather(self._doing, return_exceptions=True)
            self._doing = None

    @property
    def _metrics(self) -> Mapping[str, Metric]:
        return metrics(self._workspace.site, self._workspace.registry)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._tenure.lost.wait()
        except TimeoutError:
            return

    async def _turn(self, senses: Senses, now: float) -> None:
        """One look, one decision."""
        self.turned = now
        senses.follow(self._deeds.blueprint)
        seen = senses.observation(now)
        if self._doing is not None and not self._doing.done():
            return
        self._doing = None
        if now - self._blocked < BLOCKED:
            return
        # What is to be finished was decided by whoever began it: nobody needs to be heard for that.
        if not self._deeds.finished and now >= self._finish_at:
            self._begin(self._finish(), self._memory)
            return
        if now - self._began < HEARING:
            return
        site, registry = self._workspace.site, self._workspace.registry
        blueprint, before = self._deeds.blueprint, self._memory
        by = scalings(site, registry, datetime.now(UTC), blueprint.leeways)
        decision = decide(seen, outline(blueprint, registry), by, before)
        self._post.waits(decision.waiting_on)
        self._memory = decision.memory
        if decision:
            self._begin(self._carry_out(decision), before)
        elif now >= self._renew_at:
            self._renew_at = now + EVERY
            if certificates := self._deeds.due():
                self._begin(self._renew(certificates), before)
        elif now - self._remembered > REMEMBER:
            await self._remember(now)

    def _begin(self, work: Coroutine[Any, Any, None], before: Memory) -> None:
        """Have it done beside the looks. Whoever was kept from it, by an operator or by an end, has not tried."""

        async def done() -> None:
            try:
                await work
            except asyncio.CancelledError:
                self._memory = before
                raise
            except Busy as error:
                self._memory, self._blocked = before, time.monotonic()
                self._post.waits([finding.why for finding in error.findings])
            except OutlastError as error:
                for finding in error.findings:
                    self._post.failed(finding)
            finally:
                self._post.does("")

        self._doing = asyncio.create_task(done())

    async def _finish(self) -> None:
        try:
            await self._deeds.finish()
        except Busy:
            raise
        except OutlastError:
            self._finish_at = time.monotonic() + self._again
            self._again = min(2 * self._again, RARELY)
            raise
        self._again = AGAIN

    async def _carry_out(self, decision: Decision) -> None:
        for remedy in decision.remedies:
            await self._deeds.remedy(remedy)
        if decision.resizes:
            await self._deeds.resize(decision.resizes)
        # Only now: what was ordered and not done, because this leader died, was never tried.
        await self._remember(time.monotonic())

    async def _renew(self, certificates: Collection[Certificate]) -> None:
        try:
            await self._deeds.renew(certificates)
        except Busy:
            raise
        except OutlastError:
            self._renew_at = time.monotonic() + RETRY
            raise

    async def _remember(self, now: float) -> None:
        """For the next leader. That etcd does not answer ends nothing: the tenure ends by itself when that lasts."""
        self._remembered = now
        try:
            await self._agreement.write("memory", dump(self._memory, now), self._tenure)
        except Deposed:
            raise
        except OutlastError as error:
            self._post.failed(error.findings[0])

    async def _recall(self) -> None:
        entry = await self._agreement.read("memory")
        if entry is not None:
            self._memory = parse(entry.value, time.monotonic())
