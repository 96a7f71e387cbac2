"""What is lost or sick is started, restarted, cycled or replaced: the mildest remedy first, one that takes something
away only when the rest can do without it, and nothing at all when the fault may be the observer's own.

A remedy that did not help is followed by a stronger one; what needs too many of them is left alone, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from outlast.contract.probe import Health
from outlast.policy.memory import Attempt, Ill, LeftAlone, Memory, Verb
from outlast.policy.observation import Fact, Known, MachineSeen, Observation, Presence, fresh
from outlast.policy.shape import Cluster, Shape

OFF, ABSENT, SILENT = "its power is off", "its provider has no such machine", "nobody hears it"
UNHEALTHY = "it is not healthy"
# What is tried, one after the other, as long as the thing is as it is. The last is repeated.
LADDER = {
    OFF: (Verb.START, Verb.START, Verb.REPLACE),
    ABSENT: (Verb.START,),
    SILENT: (Verb.CYCLE, Verb.REPLACE),
    UNHEALTHY: (Verb.RESTART, Verb.RESTART, Verb.CYCLE, Verb.REPLACE),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, but for the counts. `facts`: older ones are not believed. `quiet`: whom nobody has heard for so long is
    not there when its provider says so too. `gone`, `silent`, `sick`: ills that are
    younger are left to themselves; services are restarted by systemd, and clusters agree anew. `lost`: whom nobody
    has heard for so long serves nobody either. `boot`, `settle`: a remedy of a machine or a member has so long to help.
    A remedy after which it is well for `lasting` is forgotten; more than `tries` remedies of one thing within `window`
    are too many, and it is left alone for `quarantine`, or until somebody else has made it well for `lasting`.
    `at_once`: so many remedies may take something away at the same time."""

    facts: float = 5.0
    quiet: float = 2.5
    gone: float = 1.0
    silent: float = 6.0
    lost: float = 60.0
    sick: float = 15.0
    boot: float = 60.0
    settle: float = 120.0
    lasting: float = 120.0
    window: float = 900.0
    tries: int = 4
    quarantine: float = 1800.0
    at_once: int = 1


@dataclass(frozen=True, slots=True)
class Remedy:
    """Do `verb` to a machine, or restart a member, because of this."""

    verb: Verb
    subject: str
    because: str


@dataclass(frozen=True, slots=True)
class Healing:
    """What to do now, what is waited for, and what is remembered."""

    remedies: tuple[Remedy, ...]
    waiting_on: tuple[str, ...]
    memory: Memory


def heal(seen: Observation, shape: Shape, memory: Memory, limits: Limits) -> Healing:
    """One look, one decision."""
    memory = _noted(seen, shape, memory, limits)
    if own := _own_fault(seen, shape, limits):
        return Healing((), (own,), memory)
    remedies: list[Remedy] = []
    waiting = [f"{name}: left alone, because {why.what}" for name, why in memory.quarantined.items()]
    for subject in _due(seen, shape, memory, limits):
        tried = memory.tried.get(subject, ())
        ill = memory.ills[subject]
        if len(tried) >= limits.tries:
            reason = f"{ill.what}, and {len(tried)} remedies within {limits.window:g} s did not last"
            memory = replace(memory, quarantined={**memory.quarantined, subject: LeftAlone(reason, seen.at, seen.at)})
            waiting.append(f"{subject}: left alone, because {reason}")
            continue
        ladder = LADDER[ill.what]
        remedy = _remedy(ladder[min(len(tried), len(ladder) - 1)], subject, ill.what, shape)
        if root := _root(subject, shape, memory):
            waiting.append(f"{subject}: {ill.what}; it uses {root}, which is ill itself")
            continue
        if refused := _refusal(remedy, seen, shape, memory, limits):
            waiting.append(f"{subject}: {ill.what}; {refused}")
            continue
        remedies.append(remedy)
        memory = _begun(remedy, subject, seen.at, memory, limits)
    return Healing(tuple(remedies), tuple(waiting), memory)


def _noted(seen: Observation, shape: Shape, memory: Memory, limits: Limits) -> Memory:
    """The memory with what this look shows: new ills, ills that are over, remedies that have ended or are long past."""
    now = seen.at
    ills = {name: _since(what, memory.ills.get(name), now) for name, what in _ailing(seen, shape, limits)}
    under_way = {
        name: attempt
        for name, attempt in memory.under_way.items()
        if now < attempt.ends and not _helped(name, attempt, seen, limits)
    }
    tried = {
        name: kept
        for name, attempts in memory.tried.items()
        if (kept := tuple(attempt for attempt in attempts if now - attempt.began <= limits.window))
        and (name in ills or now - kept[-1].began < limits.lasting)
    }
    quarantined = {
        name: left if _thrives(name, seen, shape, limits) else replace(left, unwell=now)
        for name, left in memory.quarantined.items()
    }
    quarantined = {
        name: left
        for name, left in quarantined.items()
        if now - left.since < limits.quarantine and now - left.unwell < limits.lasting
    }
    for name in memory.quarantined.keys() - quarantined.keys():
        tried.pop(name, None)
    return replace(memory, ills=ills, under_way=under_way, tried=tried, quarantined=quarantined)


def _since(what: str, before: Ill | None, now: float) -> Ill:
    return before if before is not None and before.what == what else Ill(what, now)


def _ailing(seen: Observation, shape: Shape, limits: Limits) -> Iterator[tuple[str, str]]:
    """Every machine and member that is certainly not well, and how. Of whom nothing is known, nothing is said."""
    for name in shape.machines:
        machine = seen.machines.get(name, MachineSeen(Known(Presence.ABSENT, seen.at)))
        if _is_heard(machine, seen.at, limits.quiet):
            yield from ((member, UNHEALTHY) for member in shape.tenants[name] if _is_sick(seen, member, limits))
            continue
        match fresh(machine.presence, seen.at, limits.facts):
            case Known(Presence.OFF):
                yield name, OFF
            case Known(Presence.ABSENT):
                yield name, ABSENT
            case Known(Presence.ON) if not _is_heard(machine, seen.at, limits.facts):
                yield name, SILENT
            case _:
                pass


def _is_heard(machine: MachineSeen, now: float, within: float) -> bool:
    """By anybody, in so many seconds. What speaks is there, whatever its provider says."""
    return now - max(machine.heard, machine.heard_elsewhere) <= within


def _is_sick(seen: Observation, member: str, limits: Limits) -> bool:
    return _health(seen.members.get(member), seen, limits) is Health.UNHEALTHY


def _health(fact: Fact[Health] | None, seen: Observation, limits: Limits) -> Health:
    """Healthy or not when that is known and fresh."""
    known = fresh(fact, seen.at, limits.facts) if fact is not None else None
    return known.value if isinstance(known, Known) else Health.UNKNOWN


def _helped(subject: str, attempt: Attempt, seen: Observation, limits: Limits) -> bool:
    """Whether the thing is well, and was seen to be after the remedy began."""
    if subject in seen.machines:
        machine = seen.machines[subject]
        return max(machine.heard, machine.heard_elsewhere) > attempt.began and _is_heard(machine, seen.at, limits.facts)
    fact = seen.members.get(subject)
    return isinstance(fact, Known) and fact.at > attempt.began and fact.value is Health.HEALTHY


def _thrives(subject: str, seen: Observation, shape: Shape, limits: Limits) -> bool:
    """Whether it is seen to be well: of whom nothing is known, nobody may say so."""
    if subject in shape.homes:
        return _health(seen.members.get(subject), seen, limits) is Health.HEALTHY
    machine = seen.machines.get(subject)
    return machine is not None and _is_heard(machine, seen.at, limits.facts)


def _own_fault(seen: Observation, shape: Shape, limits: Limits) -> str:
    """Why the fault may be this observer's: it hears no more than half of the machines that should be there."""
    expected = [name for name in shape.machines if name in seen.machines and _should_speak(seen, name, limits)]
    heard = sum(seen.at - seen.machines[name].heard <= limits.facts for name in expected)
    if not expected or heard * 2 > len(expected):
        return ""
    return f"hears {heard} of {len(expected)} machines: the fault may be its own"


def _should_speak(seen: Observation, name: str, limits: Limits) -> bool:
    """Whether its provider does not deny it."""
    presence = fresh(seen.machines[name].presence, seen.at, limits.facts)
    return not (isinstance(presence, Known) and presence.value is not Presence.ON)


def _due(seen: Observation, shape: Shape, memory: Memory, limits: Limits) -> list[str]:
    """What has been ill for long enough, has no remedy under way and is not left alone; machines first, then by age."""
    busy = {*memory.under_way, *(shape.homes[name] for name in memory.under_way if name in shape.homes)}
    patience = {OFF: limits.gone, ABSENT: limits.gone, SILENT: limits.silent, UNHEALTHY: limits.sick}

    def is_due(name: str, ill: Ill) -> bool:
        home = shape.homes.get(name, name)
        if {name, home} & busy or {name, home} & memory.quarantined.keys():
            return False
        # After a remedy a member gets the time to start, to join and to copy what it lacks.
        lately = [a.began for subject in {name, home} for a in memory.tried.get(subject, ())] if name != home else []
        settling = bool(lately) and seen.at - max(lately) < limits.settle
        return seen.at - ill.since >= patience[ill.what] and not settling

    due = [name for name, ill in memory.ills.items() if is_due(name, ill)]
    return sorted(due, key=lambda name: (name in shape.homes, memory.ills[name].since, name))


def _root(subject: str, shape: Shape, memory: Memory) -> str:
    """What a member uses and is ill itself: to heal the member would heal nothing. Empty when there is none."""
    if subject not in shape.homes:
        return ""
    seen, frontier = set[str](), {*shape.cluster_of[subject].uses}
    while frontier:
        seen |= frontier
        frontier = {name for cluster in shape.clusters if cluster.service in frontier for name in cluster.uses} - seen
    used = [cluster for cluster in shape.clusters if cluster.service in seen - {shape.cluster_of[subject].service}]
    return next((cluster.service for cluster in used if _is_down(cluster, shape, memory)), "")


def _is_down(cluster: Cluster, shape: Shape, memory: Memory) -> bool:
    """Whether so many of its members are ill, or on ill machines, that it cannot serve."""
    well = [member for member in cluster.members if not {member, shape.homes[member]} & memory.ills.keys()]
    return len(well) < max(cluster.needed, 1)


def _remedy(verb: Verb, subject: str, because: str, shape: Shape) -> Remedy:
    """A member that no restart helped takes its machine with it."""
    target = shape.homes.get(subject, subject) if verb in (Verb.CYCLE, Verb.REPLACE) else subject
    return Remedy(verb, target, because if target == subject else f"{subject}: {because}")


def _refusal(remedy: Remedy, seen: Observation, shape: Shape, memory: Memory, limits: Limits) -> str:
    """Why the remedy must wait; empty when it may begin."""
    if remedy.verb is Verb.START:
        return ""
    taking = sorted(name for name, attempt in memory.under_way.items() if attempt.verb is not Verb.START)
    if len(taking) >= limits.at_once:
        return f"one remedy at a time, and {taking[0]} has one"
    taken = (remedy.subject,) if remedy.subject in shape.homes else shape.tenants[remedy.subject]
    for member in taken:
        cluster = shape.cluster_of[member]
        loses = remedy.verb is Verb.REPLACE and cluster.keeps
        if not loses and _is_out(member, seen, shape, limits):
            continue
        others = [m for m in cluster.members if shape.homes[m] != shape.homes[member]]
        well = sum(_is_well(other, seen, shape, memory, limits) for other in others)
        needed = max(cluster.needed, 1 if loses else 0)
        if well < needed:
            return f"{cluster.service} cannot do without it: {well} of the others are well, and it needs {needed}"
    return ""


def _is_out(member: str, seen: Observation, shape: Shape, limits: Limits) -> bool:
    """Whether it certainly serves nobody: it says so, it has no power, or nobody has heard its machine for so long."""
    machine = seen.machines.get(shape.homes[member], MachineSeen(Known(Presence.ABSENT, seen.at)))
    if _is_heard(machine, seen.at, limits.facts):
        return _is_sick(seen, member, limits)
    known = fresh(machine.presence, seen.at, limits.facts)
    if isinstance(known, Known) and known.value is not Presence.ON:
        return True
    return seen.at - max(machine.heard, machine.heard_elsewhere) >= limits.lost


def _is_well(member: str, seen: Observation, shape: Shape, memory: Memory, limits: Limits) -> bool:
    """Whether it is known to serve, and nothing is being done to it."""
    machine = seen.machines.get(shape.homes[member])
    touched = {member, shape.homes[member]} & memory.under_way.keys()
    heard = machine is not None and _is_heard(machine, seen.at, limits.facts)
    return heard and not touched and _health(seen.members.get(member), seen, limits) is Health.HEALTHY


def _begun(remedy: Remedy, subject: str, now: float, memory: Memory, limits: Limits) -> Memory:
    """The memory with a remedy that begins. It counts for what it is done to and for what it is done for."""
    lasts = limits.settle if remedy.verb is Verb.RESTART else limits.boot
    attempt = Attempt(remedy.verb, now, now + lasts)
    tried: Mapping[str, tuple[Attempt, ...]] = memory.tried
    for name in {remedy.subject, subject}:
        tried = {**tried, name: (*tried.get(name, ()), attempt)}
    return replace(memory, tried=tried, under_way={**memory.under_way, remedy.subject: attempt})
