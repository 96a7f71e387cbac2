"""Who leads: one controller at a time, by a lease in etcd, and for as long as its own clock says that it may.

A lease alone excludes nobody: a leader that was frozen does not know that its time is over. So the number of each
tenure is greater than all before it, and every write is made only while the leader's key still bears that number.
Clocks are compared with nothing: the only times here are seconds that passed on the leader's own monotonic clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from outlast.controller.etcd import Etcd, created, get, put
from outlast.kernel.errors import OutlastError

TTL = 4
"""Seconds after which etcd forgets a leader that nobody hears of. Its least is 1.5 election time-outs: 3 s here."""
REFRESH = 1.0
AGAIN = 0.2
"""How soon a refresh without an answer is tried again."""
SURE = TTL * 2 / 3
"""So long after a refresh was sent the leader may be sure of its office: the rest is for what it has under way."""
PAUSE = 0.3
"""How often a candidate looks whether the office is free."""


class Tenure:
    """One time in office. `number` is greater than those of all tenures before it. `lost` is set as soon as it may be
    over; whoever cannot wait for that asks `holds`, which is right even when this process was frozen."""

    def __init__(self, member: str, number: int, lease: int, since: float) -> None:
        self.member = member
        self.number = number
        self.lease = lease
        self.lost = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._ends = since + SURE
        self._alarm = self._loop.call_at(self._ends, self.lost.set)

    @property
    def holds(self) -> bool:
        """Whether nobody else can have been elected, by this computer's monotonic clock."""
        return not self.lost.is_set() and self._loop.time() < self._ends

    def refreshed(self, sent: float) -> None:
        """A refresh that was sent at `sent` (the loop's time) was answered."""
        if self.holds:
            self._alarm.cancel()
            self._ends = sent + SURE
            self._alarm = self._loop.call_at(self._ends, self.lost.set)

    def end(self) -> None:
        """Over, for whatever reason."""
        self._alarm.cancel()
        self.lost.set()


@asynccontextmanager
async def lead(etcd: Etcd, key: str, member: str, waits: Callable[[str], None]) -> AsyncGenerator[Tenure]:
    """Hold the office, kept at `key`, as `member`. Waits for it without end, and tells `waits` for what."""
    tenure = await _elected(etcd, key, member, waits)
    keeper = asyncio.create_task(_keep(etcd, tenure))
    try:
        yield tenure
    finally:
        keeper.cancel()
        tenure.end()
        # The next leader need not wait until the lease is forgotten.
        with suppress(OutlastError):
            await etcd.revoke(tenure.lease)


async def _elected(etcd: Etcd, key: str, member: str, waits: Callable[[str], None]) -> Tenure:
    while True:
        try:
            leader = await etcd.range(key)
            if not leader and (tenure := await _take(etcd, key, member)):
                return tenure
            waits(f"{leader[0].value.decode()} leads" if leader else "another was elected")
        except OutlastError as error:
            waits(f"etcd: {error.findings[0].why}")
        await asyncio.sleep(PAUSE)


async def _take(etcd: Etcd, key: str, member: str) -> Tenure | None:
    """The office, if it is still free. A lease that comes to nothing is given back; unheard of, it ends by itself."""
    sent = asyncio.get_running_loop().time()
    lease = await etcd.grant(TTL)
    tenure: Tenure | None = None
    try:
        outcome = await etcd.transact([created(key, 0)], [put(key, member.encode(), lease)], [get(key)])
        if outcome.succeeded:
            tenure = Tenure(member, outcome.revision, lease, sent)
        return tenure
    finally:
        if tenure is None:
            with suppress(OutlastError):
                await etcd.revoke(lease)


async def _keep(etcd: Etcd, tenure: Tenure) -> None:
    pause = REFRESH
    while tenure.holds:
        await asyncio.sleep(pause)
        sent = asyncio.get_running_loop().time()
        try:
            lives = await etcd.refresh(tenure.lease)
        except OutlastError:
            pause = AGAIN
            continue
        pause = REFRESH
        if lives:
            tenure.refreshed(sent)
        else:
            tenure.end()
