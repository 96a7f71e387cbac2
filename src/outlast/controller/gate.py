"""Waits until a member is healthy, and says with its last log lines why it is not."""

from __future__ import annotations

import asyncio
import time

from outlast.apply.apply import Applier
from outlast.blueprint.blueprint import Stage
from outlast.contract.component import AnyComponent
from outlast.contract.probe import Health, Report
from outlast.controller.observe import read
from outlast.kernel.errors import Finding, OutlastError

# Each look costs the machine a tenth of a second of a processor, which whoever starts there needs too.
POLL, SLOWER, SLOWEST = 0.2, 1.5, 1.0
RESTARTS = 4
LOG_LINES = 20


async def healthy(applier: Applier, stage: Stage, component: AnyComponent, member: str) -> Report[object]:
    """The member's first healthy report. Raises `OutlastError` when its time to settle is over, or when it keeps
    dying: waiting longer would only hide the reason."""
    limit = stage.changeover.start if stage.changeover else component.settle
    deadline = time.monotonic() + limit
    before: int | None = None
    pause = POLL
    while True:
        answer = await applier.observe([member])
        report = read(component, answer, member)
        if report.health is Health.HEALTHY:
            return report
        restarts = sum(int(state.restarts or 0) for state in answer.services.values())
        before = restarts if before is None else before
        if restarts - before >= RESTARTS or time.monotonic() >= deadline:
            deaths = restarts - before
            what = f"it keeps dying: {deaths} restarts" if deaths else f"it is not healthy after {limit:g} s"
            raise OutlastError(await _unhealthy(applier, stage, member, what, report))
        await asyncio.sleep(pause)
        pause = min(SLOWEST, pause * SLOWER)


async def _unhealthy(applier: Applier, stage: Stage, member: str, what: str, report: Report[object]) -> Finding:
    services = [service.name for service in applier.bundle.part(member).services if service.enabled]
    return Finding(
        where=f"{member} on {applier.machine.name}",
        what=what,
        why=report.because,
        fix=f"read its last lines below, mend the cause and run the same command again: it resumes at {stage.name}",
        evidence=await last_lines(applier, services),
    )


async def last_lines(applier: Applier, services: list[str]) -> tuple[str, ...]:
    """The newest journal lines of some services on one machine."""
    units = [argument for service in services for argument in ("--unit", service)]
    argv = ["journalctl", *units, "--lines", str(LOG_LINES), "--output", "cat", "--no-pager"]
    done = await applier.machine.run(argv, limit=10.0)
    return tuple(done.stdout.decode(errors="replace").splitlines())
