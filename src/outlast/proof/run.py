"""One trial of an experiment: clients at work, a fault, its healing, and what the clients saw of it.

The site must be whole before and is waited for afterwards; whatever happens in between, the fault is healed.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from outlast.blueprint.blueprint import Blueprint
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.provider import Provider
from outlast.proof.aim import aimed
from outlast.proof.computer import worked
from outlast.proof.experiment import LOSE, Experiment, Role, Trial
from outlast.proof.history import History, Kind, history
from outlast.proof.judge import Seen, judge
from outlast.proof.look import Watch
from outlast.proof.peace import Peace
from outlast.proof.strike import Striker
from outlast.proof.workloads.database import DatabaseLoad, sources
from outlast.proof.workloads.http import HttpLoad
from outlast.site.promises import Customers
from outlast.status import Status

STEADY_LIMIT = 180.0
LEAD, LEAD_LIMIT = 2.0, 20.0
TAIL = 1.5
POLL = 0.05
LONGEST_TRIAL = 900.0
DIGEST_LIMIT = 30.0
CUT_OFF = frozenset({"isolate", "pause"})


@dataclass(frozen=True)
class Stand:
    """Everything that a trial needs of the site. `authority` is the certificate that clients trust."""

    provider: Provider
    watch: Watch
    striker: Striker
    urls: tuple[str, ...]
    authority: Path
    customers: Customers
    peace: Peace = field(default_factory=Peace)

    @property
    def blueprint(self) -> Blueprint:
        """The site as it is now."""
        return self.watch.blueprint


async def trial(stand: Stand, experiment: Experiment, number: int, emit: Emit) -> tuple[Trial, History]:
    """Run one trial; `number` counts from 0. Raises `OutlastError` when the site is not whole to begin with."""
    status = await _steady(stand)
    targets = _targets(experiment, status, number)
    loses = any(hit.fault == LOSE for hit in experiment.hits)
    while loses and (seconds := stand.peace.wanted(targets)) > 0:
        when = f"in {seconds:.0f} s, when the controllers have forgotten its last loss"
        emit(Event(experiment.name, Phase.WAITING, f"{', '.join(targets)}: {when}"))
        await asyncio.sleep(seconds)
        status = await _steady(stand)
        targets = _targets(experiment, status, number)
    away = stand.striker.away(experiment, targets)
    web = HttpLoad(stand.urls, stand.authority, stand.customers)
    rows = DatabaseLoad(stand.blueprint, stand.provider, uuid4().hex[:8])
    await rows.prepare()
    # The customers are clocks too: to look for garbage among all that lives for long would stop them for a while.
    gc.collect()
    gc.freeze()
    session = _writer_machine(status, stand.blueprint) if _outlives(experiment) else None
    async with rows.working(session, LONGEST_TRIAL), web.working():
        await _until_served(stand, web, rows)
        stand.watch.kept.forget(away)
        before = worked()
        async with stand.striker.struck(experiment, status, number) as struck:
            await asyncio.sleep(experiment.hold)
            healed = time.time()
        mended = time.time() - healed
        near = await stand.watch.again(targets, STEADY_LIMIT)
        await asyncio.sleep(TAIL)
        ended, busy = time.time(), worked().since(before)
    # Now that nobody is served who could feel it: the whole site.
    rest = await stand.watch.healthy(STEADY_LIMIT) if near is not None else None
    stand.peace.begins(targets)
    redundant = None if near is None or rest is None else mended + near + rest
    await asyncio.gather(rows.final(), web.fetch())
    held = history([*rows.operations, *web.operations], struck.marks)
    # Clients on a machine that was taken away went with it; a session on the writer's own is no client.
    without = {session, *rows.lost, *away}
    seen = Seen(
        number=number,
        target=", ".join(targets),
        fault_at=struck.marks[0].at,
        healed_at=healed,
        ended_at=ended,
        redundant=redundant,
        without=frozenset(name for name in without if name),
        session=session or "",
        digests=await _digests(stand),
        limit=STEADY_LIMIT,
        busy=busy,
    )
    return judge(experiment, held, seen), held


def _targets(experiment: Experiment, status: Status, number: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for hit in experiment.hits for name in aimed(hit.aim, status, number)))


async def _steady(stand: Stand) -> Status:
    """Wait until everything is there and at home."""
    if await stand.watch.healthy(STEADY_LIMIT, home=True) is None:
        status = await stand.watch.status()
        ill = [f"{member.name}: {member.because}" for member in status.members if member.health != "healthy"]
        homeless = [floating.address for floating in status.floating if floating.holder != floating.home]
        why = "; ".join(ill) or f"not at home: {', '.join(homeless)}"
        fix = "mend it (`outlast up`), then run the same command again: nothing was broken"
        raise OutlastError(Finding(status.site, f"not whole within {STEADY_LIMIT:g} s", why, fix))
    stand.striker.chaos.follow(stand.blueprint)
    return await stand.watch.status()


def _outlives(experiment: Experiment) -> bool:
    """Whether a session with the primary lives on, while others may take it for dead."""
    return any(hit.aim.role is Role.PRIMARY and hit.fault in CUT_OFF for hit in experiment.hits) or any(
        hit.others is not None for hit in experiment.hits
    )


def _writer_machine(status: Status, blueprint: Blueprint) -> str | None:
    """The machine of the database member that takes the writes, when it has a session of its own to offer."""
    writers = [member.machine for member in status.members if "writer" in member.role.split(", ")]
    with_digest = {bundle.machine for bundle in blueprint.bundles if any(held.part.digest for held in bundle.parts)}
    return next((machine for machine in writers if machine in with_digest), None)


async def _until_served(stand: Stand, web: HttpLoad, rows: DatabaseLoad) -> None:
    """Until every kind of client was served, and for `LEAD` at least. Raises `OutlastError` when one never is."""
    began = time.monotonic()
    wanted = {Kind.BROWSE, Kind.ORDER} if stand.customers.order else {Kind.BROWSE}
    if sources(stand.blueprint):
        # Without them the checkers of the database would have nothing to say, and nobody would notice.
        wanted |= {Kind.APPEND}
    while True:
        await asyncio.sleep(POLL)
        served = {o.kind for o in web.operations if o.acknowledged} | {
            o.kind for o in rows.operations if o.acknowledged
        }
        passed = time.monotonic() - began
        if wanted <= served and passed >= LEAD:
            return
        if passed > LEAD_LIMIT:
            names = ", ".join(sorted(wanted - served))
            last = [o.error for o in (*web.operations, *rows.operations) if o.error and o.kind in wanted - served][-3:]
            why = f"no {names} was answered within {LEAD_LIMIT:g} s ({'; '.join(last) or 'no answer at all'})"
            fix = "see `outlast status`; are the paths of `customers:` in the site file right? Nothing was broken"
            raise OutlastError(Finding("customers", "they are not served before the fault", why, fix))


async def _digests(stand: Stand) -> dict[str, str | None]:
    """What the rows of every member that holds any come to."""
    asked = [
        (held.member, bundle.machine, held.part.digest)
        for bundle in stand.blueprint.bundles
        for held in bundle.parts
        if held.part.digest
    ]

    async def one(machine: str, argv: Sequence[str]) -> str | None:
        try:
            connection = await stand.watch.kept.connect(machine)
            done = await connection.run(argv, limit=DIGEST_LIMIT)
        except Unreachable:
            return None
        return done.stdout.decode(errors="replace") if done.returncode == 0 else None

    answers = await asyncio.gather(*(one(machine, argv) for _, machine, argv in asked))
    return {member: answer for (member, _, _), answer in zip(asked, answers, strict=True)}
