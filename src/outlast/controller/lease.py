"""One operator at a time, wherever they sit: a lease on every machine that answers, before anything is changed.

The machines keep it (`apply/onboard/lease.py`) and refuse requests of anybody else while it lives. It is refreshed
while the command works; not refreshed for `TTL` seconds it is stale. Whoever is refused anywhere gives back what they
got and tries again or gives up. All ask the machine of the first name first, so of two who ask at once one gets all.
"""

from __future__ import annotations

import asyncio
import getpass
import os
import random
import socket
import time
import uuid
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from outlast.apply.apply import ask
from outlast.apply.facts import Held, Holder, HolderSeen
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.machine import Machine

TTL = 20.0
REFRESH = 7.0
ASK_LIMIT = 15.0
RELEASE_LIMIT = 3.0
PAUSE = 0.5
HEALING = 120.0
"""Seconds that an operator waits for a controller in any case."""


class Busy(OutlastError):
    """Somebody else (`by`) is changing the site."""

    def __init__(self, finding: Finding, by: Holder | None) -> None:
        super().__init__(finding)
        self.by = by


def operator(verb: str, *, user: str = "", tenure: int = 0) -> Holder:
    """This process, as others shall see it; `user` and `tenure` are a controller's own."""
    pid = os.getpid()
    return Holder(
        id=uuid.uuid4().hex,
        user=user or _user(),
        host=socket.gethostname(),
        box=_box(),
        process=pid,
        born=_born(pid),
        verb=verb,
        tenure=tenure,
    )


class Lease:
    """What one operator holds. Made by `held`; machines that are made later are added."""

    def __init__(self, holder: Holder, emit: Emit) -> None:
        self.holder = holder
        self.said: list[str] = []
        self._emit = emit
        self._machines: dict[str, Machine] = {}

    def holds(self, name: str) -> bool:
        """Whether it was taken on that machine."""
        return name in self._machines

    async def add(self, machine: Machine) -> None:
        """Take one machine's. Raises `OutlastError` naming the holder when it is somebody else's."""
        answer = await self._ask(machine, "take")
        if answer.by and _is_dead(answer.by):
            answer = await self._ask(machine, "take", over=answer.by.id)
        if answer.deposed:
            raise OutlastError(_deposed(machine.name))
        if not answer.held:
            raise Busy(_busy(machine.name, answer.by), answer.by)
        self._machines[machine.name] = machine
        if answer.over:
            self._say(f"took the site over from {_who(answer.over)}, which {_end(answer.over)}")

    async def release(self) -> None:
        """Give everything back; a machine that does not answer forgets it by itself."""
        machines, self._machines = list(self._machines.values()), {}
        with suppress(TimeoutError):
            async with asyncio.timeout(RELEASE_LIMIT):
                await asyncio.gather(*(self._ask(m, "release") for m in machines), return_exceptions=True)

    async def refresh(self) -> None:
        """Stay the holder until cancelled. Whoever lost it is refused by the machines at the next step.

        One machine after the other: all of them may be one computer, whose customers would feel it.
        """
        async with asyncio.TaskGroup() as asked:
            while True:
                machines = list(self._machines.values())
                for machine in machines:
                    await asyncio.sleep(REFRESH / len(machines))
                    asked.create_task(self._refresh(machine))
                if not machines:
                    await asyncio.sleep(REFRESH)

    async def take(self, machines: Mapping[str, Machine]) -> None:
        """All of them or none. A machine that does not answer is left out: nothing can be changed there either."""
        first, *rest = sorted(machines)
        taken = False
        try:
            await self._try(machines[first])
            results = await asyncio.gather(*(self._try(machines[name]) for name in rest), return_exceptions=True)
            errors = [error for error in results if isinstance(error, BaseException)]
            if errors:
                raise errors[0]
            taken = True
        finally:
            if not taken:
                await self.release()

    async def _refresh(self, machine: Machine) -> None:
        """A machine that does not hear it, or is somebody else's by now, refuses the next step: nobody is told here.
        One that booted since has forgotten, and is asked anew."""
        with suppress(OutlastError):
            answer = await self._ask(machine, "refresh")
            if not answer.held and answer.by is None:
                await self._ask(machine, "take")

    async def _try(self, machine: Machine) -> None:
        with suppress(Unreachable):
            await self.add(machine)

    async def _ask(self, machine: Machine, what: str, over: str = "") -> Held:
        holder = self.holder.model_dump()
        return await ask(machine, "lease", Held, ASK_LIMIT, do=what, holder=holder, ttl=TTL, over=over)

    def _say(self, text: str) -> None:
        if text not in self.said:
            self.said.append(text)
            self._emit(Event("lock", Phase.PROGRESS, text))


@asynccontextmanager
async def held(machines: Mapping[str, Machine], holder: Holder, wait: float, emit: Emit) -> AsyncGenerator[Lease]:
    """Hold the site on these machines. Waits up to `wait` seconds for another operator, then raises `OutlastError`."""
    lease = Lease(holder, emit)
    began = time.monotonic()
    while machines:
        try:
            await lease.take(machines)
            break
        except Busy as error:
            # A controller ends by itself what it does, and no person is asked about it.
            heals = error.by is not None and error.by.tenure and not holder.tenure
            if time.monotonic() - began >= (max(wait, HEALING) if heals else wait):
                raise
            emit(Event("lock", Phase.WAITING, f"waits: {error.findings[0].why}"))
            # Not all at the same moment: of several who wait, none shall always come second.
            await asyncio.sleep(PAUSE * (0.5 + random.random()))
    refresher = asyncio.create_task(lease.refresh())
    try:
        yield lease
    finally:
        refresher.cancel()
        await lease.release()


def _busy(machine: str, by: HolderSeen | None) -> Finding:
    why = f"{_who(by)} has held it for {by.age:.0f} s" if by else "another operator holds it"
    fix = "wait for it to end, or add `--lock-wait 60` to wait for at most 60 seconds"
    return Finding("this site", "somebody else is changing it", f"{why} (says {machine})", fix)


def _deposed(machine: str) -> Finding:
    why = f"{machine} has been told so by a controller of a higher tenure"
    return Finding("this site", "another controller leads by now", why, "nothing: this one steps back by itself")


def _who(holder: Holder) -> str:
    return f"`outlast {holder.verb}` of {holder.user} on {holder.host} (process {holder.process})"


def _end(stale: HolderSeen) -> str:
    return "died" if _is_dead(stale) else f"was silent for {stale.idle:.0f} s"


def _is_dead(holder: HolderSeen) -> bool:
    """Whether its process certainly exists no more: only this box can say so of its own processes."""
    return holder.box == _box() and _born(holder.process) != holder.born


def _box() -> str:
    """This computer since its start, and this view of its processes."""
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {Path('/proc/self/ns/pid').readlink()}"


def _born(process: int) -> str:
    """When a process began, as the kernel counts; empty when there is none."""
    with suppress(OSError):
        # The name, which may hold spaces, ends with the last parenthesis (proc_pid_stat(5): field 22).
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    return ""


def _user() -> str:
    with suppress(KeyError, OSError):
        return os.environ.get("SUDO_USER") or getpass.getuser()
    return str(os.getuid())
