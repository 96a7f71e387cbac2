"""A controller's post: what it says of itself and of what it does.

What it says goes to its journal, to the log of events that all controllers share, and to a file that its probe reads.
Saying something never waits for etcd, and never fails a deed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from outlast.contract.controller import CONDITION, SAID_EVERY, Condition, Duty
from outlast.controller.agreed import Happening
from outlast.controller.agreement import Agreement
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Event, Phase

UNSAID = 500
"""Events that may wait for etcd; of more the oldest are only in the journal."""


class Post:
    """Tells what the controller `member` is and does."""

    def __init__(self, member: str, agreement: Agreement, condition: Path = Path(CONDITION)) -> None:
        self._member, self._agreement, self._condition = member, agreement, condition
        self._unsaid: asyncio.Queue[Happening] = asyncio.Queue(UNSAID)
        self._waits: tuple[str, ...] = ()
        self._doing = ""
        self.takes(Duty.WAITING)

    def takes(self, duty: Duty, tenure: int = 0) -> None:
        """It does this from now on."""
        self._duty, self._tenure, self._since = duty, tenure, time.monotonic()

    def tell(self, text: str, phase: Phase = Phase.DONE) -> None:
        """Something happened."""
        self._say(Event(self._member, phase, text))

    def does(self, text: str) -> None:
        """Something is begun; empty: nothing is under way."""
        self._doing = text
        if text:
            self._say(Event(self._member, Phase.STARTED, text))

    def stands_by(self, reason: str) -> None:
        """Somebody else leads, or nobody can: its condition, and no event."""
        self._waits = (reason,)

    def waits(self, reasons: Iterable[str]) -> None:
        """What nothing is done for now. Said once for each change of it."""
        now = tuple(sorted(reasons))
        # A count of seconds in it is no change.
        if [_without_numbers(reason) for reason in now] != [_without_numbers(reason) for reason in self._waits]:
            for reason in now:
                self._say(Event(self._member, Phase.WAITING, reason))
        self._waits = now

    def failed(self, finding: Finding) -> None:
        """Something could not be done."""
        self._say(Event(finding.where, Phase.FAILED, f"{finding.what}: {finding.why}"))

    def hears(self, event: Event) -> None:
        """A step of something that is under way: for the journal only."""
        _journal(event)

    async def keep_telling(self) -> None:
        """Say its condition each second, and bring events to etcd, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_condition())
            group.create_task(self._keep_events())

    def _say(self, event: Event) -> None:
        _journal(event)
        if self._unsaid.full():
            self._unsaid.get_nowait()
        self._unsaid.put_nowait(Happening(time.time(), self._member, event))

    async def _keep_events(self) -> None:
        while True:
            happening = await self._unsaid.get()
            # What etcd does not take now stays in the journal: a log that holds everything up would be worse.
            with suppress(OutlastError):
                await self._agreement.append(happening)

    async def _keep_condition(self) -> None:
        self._condition.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._condition.with_suffix(".new")
        while True:
            condition = Condition(
                at=time.monotonic(),
                role=self._duty,
                since=self._since,
                tenure=self._tenure,
                doing=self._doing,
                waiting_on=self._waits,
            )
            temporary.write_text(condition.model_dump_json(), encoding="utf-8")
            temporary.replace(self._condition)
            await asyncio.sleep(SAID_EVERY)


def _without_numbers(text: str) -> str:
    return "".join(character for character in text if not character.isdigit() and character != ".")


def _journal(event: Event) -> None:
    print(f"{event.subject}: {event.phase}: {event.text}", flush=True)  # noqa: T201 - the journal is its terminal
