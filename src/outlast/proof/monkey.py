"""The chaos monkey's mind: breaks one thing of a healthy site now and then, and says why it does not. Pure.

It must never begin a fault that could stop a service: not while another one holds, not while anything is degraded or
unknown, and only on machines whose loss every service survives by the audit's own verdict.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.audit.survival import LossKind, losses, suffer
from outlast.proof.faults.fault import Fault, Level, Offer
from outlast.status import Status
from outlast.topology.topology import Topology

USUAL = ("kill", "pause", "isolate", "power-off", "reboot")


@dataclass(frozen=True, slots=True)
class Settings:
    """`every`: seconds from the end of one fault to the next; `lasting`: seconds of each, at most.

    `hours` (first, last): from the first full hour until the last one, local time; None: always. `days`: weekdays
    from 0, Monday. `spared` names members, machines, services or pools that are left alone. `kinds` may be chosen.
    """

    every: float
    lasting: float
    hours: tuple[int, int] | None = None
    days: frozenset[int] = frozenset(range(7))
    spared: frozenset[str] = frozenset()
    kinds: tuple[str, ...] = USUAL


@dataclass(frozen=True, slots=True)
class Memory:
    """What it did until now: how many faults, when the last one ended (seconds of the clock that `decide` is told),
    and whether one holds."""

    count: int = 0
    ended: float | None = None
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault that is to begin now."""

    fault: Fault
    because: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing begins now."""

    because: str


def decide(
    now: float,
    local: datetime,
    status: Status,
    settings: Settings,
    memory: Memory,
    offers: Sequence[Offer],
    fragile: Mapping[str, str],
    topology: Topology,
    seed: int,
) -> Strike | Waiting:
    """What to do at `now` (seconds), which is `local` where the people are. `fragile`: see below."""
    reason = _not_now(now, local, status, settings, memory)
    if reason:
        return Waiting(reason)
    choices = candidates(status, settings, offers, fragile, topology)
    if not choices:
        return Waiting("everything is spared, or some service would stop for want of it (`outlast check` says which)")
    # Kinds first: else the many members would leave machines their power.
    chance = random.Random(f"{seed}/{memory.count}")
    kind = chance.choice(sorted({kind for kind, _ in choices}))
    target = chance.choice(sorted(target for known, target in choices if known == kind))
    fault = Fault(kind, (target,), seconds=settings.lasting)
    return Strike(fault, "all is well, it is time, and by the wiring every service goes on without it")


def fragile(dependence: Dependence, topology: Topology) -> dict[str, str]:
    """Machines whose loss stops something, with what stops. A member's loss takes no more than its machine's."""
    found: dict[str, str] = {}
    for loss in losses(topology):
        stopped = suffer(dependence, loss).stopped
        if loss.kind is LossKind.MACHINE and stopped:
            found[loss.lost] = ", ".join(service for _, service in stopped)
    return found


def candidates(
    status: Status, settings: Settings, offers: Sequence[Offer], fragile: Collection[str], topology: Topology
) -> list[tuple[str, str]]:
    """Every (kind, target) that may be chosen."""
    primaries = {service.primary for service in status.services}
    found: list[tuple[str, str]] = []
    for offer in offers:
        if offer.kind not in settings.kinds or offer.level is Level.BETWEEN:
            continue
        for target in offer.targets:
            member = topology.member_by_name.get(target) if offer.level is Level.MEMBER else None
            machine = member.machine if member else target
            # A member that is spared is spared its machine's faults too, and a spared machine's members theirs.
            names = {machine, topology.machine_by_name[machine].pool}
            hit = [member] if member else topology.members_by_machine[machine]
            names |= {name for m in hit for name in (m.name, m.service, m.component)}
            primary = offer.spares_primary and target in primaries
            if machine not in fragile and not names & settings.spared and not primary:
                found.append((offer.kind, target))
    return found


def _not_now(now: float, local: datetime, status: Status, settings: Settings, memory: Memory) -> str:
    """Why nothing may begin now, whatever it is; empty when it may."""
    if memory.holds:
        return "a fault holds: there is never more than one"
    if not _is_open(local, settings):
        return "it is not the time for it: nobody would be there to look"
    if memory.ended is not None and now - memory.ended < settings.every:
        return f"the last fault ended {now - memory.ended:.0f} s ago, and there is one every {settings.every:g} s"
    ill = [machine.name for machine in status.machines if machine.state != "up"]
    ill += [member.name for member in status.members if member.health != "healthy"]
    ill += [s.name for s in status.services if not s.healthy or s.redundancy.have < s.redundancy.want]
    if ill:
        return f"something is degraded or unknown as it is: {', '.join(dict.fromkeys(ill))}"
    return "" if status.healthy else "the site is not healthy as it is"


def _is_open(local: datetime, settings: Settings) -> bool:
    if local.weekday() not in settings.days:
        return False
    return settings.hours is None or settings.hours[0] <= local.hour < settings.hours[1]
