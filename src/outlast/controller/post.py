"""A controller's post: who it is, where its etcd is, and what it says of itself.

What it says goes to its journal, to the log of events that all controllers share, and to a status file that its probe
reads. Saying something never waits for etcd, and never fails a deed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from outlast.controller.agreement import Agreement, Happening
from outlast.controller.etcd import Credentials
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Event, Phase

STATUS = Path("/run/outlast-controller/status.json")
UNSAID = 500
"""Events that may wait for etcd; of more the oldest are only in the journal."""


class Settings(BaseModel):
    """`/etc/outlast/controller/controller.json`, as the component writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    site: str
    member: str
    machine: str
    datacenter: str
    etcd: tuple[str, ...]
    authority: Path
    certificate: Path
    key: Path

    @property
    def credentials(self) -> Credentials:
        """As whom it talks to etcd."""
        return Credentials(self.authority, self.certificate, self.key)


class Post:
    """Tells what the controller of `settings` is and does."""

    def __init__(self, settings: Settings, agreement: Agreement, status: Path = STATUS) -> None:
        self._settings, self._agreement, self._status = settings, agreement, status
        self._unsaid: asyncio.Queue[Happening] = asyncio.Queue(UNSAID)
        self._waits: tuple[str, ...] = ()
        self.role, self.tenure, self.generation, self.doing = "waiting", 0, 0, ""

    def tell(self, text: str, phase: Phase = Phase.DONE) -> None:
        """Something happened."""
        self._say(Event(self._settings.member, phase, text))

    def does(self, text: str) -> None:
        """Something is begun; empty: nothing is under way."""
        self.doing = text
        if text:
            self._say(Event(self._settings.member, Phase.STARTED, text))

    def waits(self, reasons: Iterable[str]) -> None:
        """What nothing is done for now. Said once for each change of it."""
        now = tuple(sorted(reasons))
        # A count of seconds in it is no change.
        if [_without_numbers(reason) for reason in now] != [_without_numbers(reason) for reason in self._waits]:
            for reason in now:
                self._say(Event(self._settings.member, Phase.WAITING, reason))
        self._waits = now

    def failed(self, finding: Finding) -> None:
        """Something could not be done."""
        self._say(Event(finding.where, Phase.FAILED, f"{finding.what}: {finding.why}"))

    def hears(self, event: Event) -> None:
        """A step of something that is under way: for the journal only."""
        _journal(event)

    async def keep_telling(self) -> None:
        """Write the status each second, and bring events to etcd, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._keep_status())
            group.create_task(self._keep_events())

    def _say(self, event: Event) -> None:
        _journal(event)
        if self._unsaid.full():
            self._unsaid.get_nowait()
        self._unsaid.put_nowait(Happening(time.time(), self._settings.member, event))

    async def _keep_events(self) -> None:
        while True:
            happening = await self._unsaid.get()
            # What etcd does not take now stays in the journal: a log that holds everything up would be worse.
            with suppress(OutlastError):
                await self._agreement.append(happening)

    async def _keep_status(self) -> None:
        self._status.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        temporary = self._status.with_suffix(".new")
        while True:
            document = {
                "role": self.role,
                "tenure": self.tenure,
                "generation": self.generation,
                "doing": self.doing,
                "waiting_on": self._waits,
                "at": time.monotonic(),
            }
            temporary.write_text(json.dumps(document), encoding="utf-8")
            temporary.replace(self._status)
            await asyncio.sleep(1.0)


def _without_numbers(text: str) -> str:
    return "".join(character for character in text if not character.isdigit() and character != ".")


def _journal(event: Event) -> None:
    print(f"{event.subject}: {event.phase}: {event.text}", flush=True)  # noqa: T201 - the journal is its terminal
