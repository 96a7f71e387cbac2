"""Runs a steward: look at the whole cluster, let it decide, act, look again, until it is as it should be.

All judgement is the steward's. A member whose machine is silent is unknown to it, never dead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Mapping

from outlast.apply.apply import Applier
from outlast.apply.facts import Observed, Pending
from outlast.blueprint.blueprint import Stage
from outlast.contract.bundle import Bundle
from outlast.contract.component import AnyComponent
from outlast.contract.probe import Health
from outlast.contract.steward import Action, Decision, Running, Sighting, Verb
from outlast.controller.gate import last_lines
from outlast.controller.observe import read
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit, Event, Phase

POLL = 0.3
LIMIT = 600.0
PAST = {Verb.START: "started", Verb.RESTART: "restarted", Verb.STOP: "stopped", Verb.RUN: "ran a step"}


async def tend(
    stage: Stage, wanted: Collection[str], component: AnyComponent, appliers: Mapping[str, Applier], emit: Emit
) -> tuple[str, ...]:
    """Cycle until the steward is settled and every member that is wanted healthy; of the others some may be silent.
    Answers what was done and because of what.

    Raises `OutlastError` when that takes longer than `LIMIT`, naming what is waited for, or when an action fails.
    """
    assert component.steward is not None
    deadline = time.monotonic() + LIMIT
    done: list[str] = []
    said: tuple[str, ...] = ()
    while True:
        sightings = await asyncio.gather(
            *(_sight(component, appliers.get(member), member, index) for index, member in enumerate(stage.members, 1))
        )
        decision = component.steward(tuple(sightings))
        ill = tuple(f"{s.member}: {_because(s)}" for s in sightings if s.member in wanted and not _is_healthy(s))
        if not ill and (decision.settled or (not decision.actions and len(wanted) < len(sightings))):
            for seen in sightings:
                emit(Event(seen.member, Phase.DONE, _because(seen)))
            return tuple(done)
        if time.monotonic() >= deadline:
            raise OutlastError(await _stuck(stage, appliers, decision, ill))
        said = _announce(stage, decision, ill, said, emit)
        done += await _act(decision.actions, appliers, emit)
        if not decision.actions:
            await asyncio.sleep(POLL)


async def _sight(component: AnyComponent, applier: Applier | None, member: str, index: int) -> Sighting[object]:
    if applier is None:
        return Sighting(member, index, Running.UNKNOWN, False, None, "its machine does not answer")
    try:
        answer = await applier.observe([member])
    except Unreachable as error:
        return Sighting(member, index, Running.UNKNOWN, False, None, error.findings[0].why)
    return sighting(component, applier.bundle, answer, member, index)


def sighting(component: AnyComponent, bundle: Bundle, answer: Observed, member: str, index: int) -> Sighting[object]:
    """One member for its steward, from what its machine answered."""
    state = answer.services[bundle.part(member).main.name]
    stale = state.pending in (Pending.RESTART, Pending.RELOAD)
    return Sighting(member, index, state.running, stale, read(component, answer, member))


def _is_healthy(sighting: Sighting[object]) -> bool:
    return sighting.report is not None and sighting.report.health is Health.HEALTHY


def _because(sighting: Sighting[object]) -> str:
    return sighting.report.because if sighting.report else sighting.unknown_because


def _announce(
    stage: Stage, decision: Decision, ill: tuple[str, ...], said: tuple[str, ...], emit: Emit
) -> tuple[str, ...]:
    """Say what is waited for, once for each change of it."""
    waiting = decision.waiting_on or (() if decision.actions else ill)
    if waiting and waiting != said:
        emit(Event(stage.name, Phase.WAITING, "waits: " + "; ".join(waiting)))
    return waiting


async def _act(actions: tuple[Action, ...], appliers: Mapping[str, Applier], emit: Emit) -> list[str]:
    """Members in parallel; the actions of one member in the steward's order."""
    by_member: dict[str, list[Action]] = {}
    for action in actions:
        by_member.setdefault(action.member, []).append(action)

    async def one(member: str, steps: list[Action]) -> None:
        for step in steps:
            emit(Event(member, Phase.PROGRESS, step.because))
            await _do(step, appliers[member])

    await asyncio.gather(*(one(member, steps) for member, steps in by_member.items()))
    return [f"{action.member}: {PAST[action.verb]}, because {action.because}" for action in actions]


async def _do(action: Action, applier: Applier) -> None:
    if action.verb is Verb.RUN:
        result = await applier.machine.run(action.argv, limit=120.0)
        if result.returncode != 0:
            lines = tuple((result.stderr or result.stdout).decode(errors="replace").splitlines()[-10:])
            why = lines[-1] if lines else f"it exited with {result.returncode}"
            fix = "mend the cause and run the same command again"
            raise OutlastError(Finding(action.member, f"a step failed: {action.because}", why, fix, evidence=lines))
        return
    await applier.activate([applier.bundle.part(action.member).main.name], force=str(action.verb))


async def _stuck(stage: Stage, appliers: Mapping[str, Applier], decision: Decision, ill: tuple[str, ...]) -> Finding:
    member = next((line.partition(":")[0] for line in ill), next(iter(appliers)))
    services = [service.name for service in appliers[member].bundle.part(member).services]
    return Finding(
        where=stage.name,
        what=f"the cluster did not settle within {LIMIT:g} s",
        why="; ".join(decision.waiting_on or ill) or "its steward kept finding work",
        fix=f"see the last lines of {member} below, mend the cause and run the same command again",
        evidence=await last_lines(appliers[member], services),
    )
