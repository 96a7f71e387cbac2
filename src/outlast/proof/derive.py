"""The catalogue of experiments, from what the site is made of: nobody lists it by hand.

Every service gets what its nature allows: one that elects a primary is hit there first; one with others beside it loses
one; a cluster with a quorum is torn apart. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from outlast.contract.component import AnyComponent
from outlast.contract.registry import Registry
from outlast.proof.experiment import LOSE, RESTART, SWITCH, Aim, Experiment, Hit, Objective, Role
from outlast.site.promises import Survive
from outlast.topology.topology import Member, Topology

PROCESS = {"kill": "killed at once", "pause": "stopped: alive, but deaf"}
TELLING = ("kill", "pause", "partition")
MACHINE = {"power-off": "without power", "isolate": "cut off from everybody"}


@dataclass(frozen=True, slots=True)
class Group:
    """A service of one data centre. `elects`: it has a primary now; `machines` are those of its members."""

    service: str
    component: AnyComponent
    members: tuple[Member, ...]
    elects: bool

    @property
    def machines(self) -> tuple[str, ...]:
        """Where its members are, each machine once."""
        return tuple(dict.fromkeys(member.machine for member in self.members))


def derive(
    topology: Topology, registry: Registry, primaries: Collection[str], faults: Collection[str], survive: Survive
) -> tuple[Experiment, ...]:
    """Every experiment that fits this site. `primaries` names the services that have one now, `faults` what can be
    inflicted here. Machines are lost for good only where somebody is there to make them anew."""
    groups = [
        Group(service, registry[members[0].component], members, service in primaries)
        for (_, service), members in topology.clusters.items()
    ]
    # What users come to is called by its own name, not by that of the addresses in front of it.
    groups.sort(key=lambda group: group.component.floats)
    made = [experiment for group in groups for experiment in _of(group, survive)]
    made += _load(groups, survive)
    if any(group.component.governs for group in groups):
        made += _lost(groups, survive)
    made += _together(groups, survive)
    made += _unattended(groups, survive)
    possible = [e for e in made if all(hit.fault in faults for hit in (*e.given, *e.hits))]
    # Services on the same machines lose them in the same experiment: it stands under the first of them.
    return _without_twins(possible, {group.service: group for group in groups})


def telling(experiments: Collection[Experiment], topology: Topology, registry: Registry) -> tuple[Experiment, ...]:
    """The few that say most: every kind of machine loses its power, and what takes writes is hit in each other way."""
    writing = {member.service for member in topology.members if registry[member.component].switch}

    def tells(experiment: Experiment) -> bool:
        (hit, *more) = experiment.hits
        if more or experiment.given or hit.aim.role not in (Role.PRIMARY, Role.ANY):
            return False
        return hit.fault == "power-off" or (hit.aim.service in writing and hit.fault in TELLING)

    return tuple(experiment for experiment in experiments if tells(experiment))


def _of(group: Group, survive: Survive) -> Iterator[Experiment]:
    roles = (Role.PRIMARY, Role.OTHER) if group.elects and len(group.members) > 1 else (Role.ANY,)
    if len(group.members) < 2:
        return
    for role in roles:
        who = _who(group.service, role)
        for fault, text in MACHINE.items():
            aim = Aim(group.service, role, machines=True)
            yield _one(
                survive, "machine", f"{group.service}-{role}-{fault}", f"the machine of {who} {text}", fault, aim
            )
        for fault, text in PROCESS.items():
            aim = Aim(group.service, role)
            yield _one(survive, "process", f"{group.service}-{role}-{fault}", f"{who} {text}", fault, aim)
        name, text = f"{group.service}-{role}-restart", f"{who} restarted on purpose"
        yield _one(survive, "planned", name, text, RESTART, Aim(group.service, role))
    yield from _torn(group, survive)


def _torn(group: Group, survive: Survive) -> Iterator[Experiment]:
    """What only a cluster with a quorum and a primary can go through."""
    if not (group.elects and group.component.quorum):
        return
    primary = Aim(group.service, Role.PRIMARY, machines=True)
    others = Aim(group.service, Role.OTHERS, machines=True)
    who = _who(group.service, Role.PRIMARY)
    tears = {
        "partition": (f"{who} and the other members do not reach each other, clients reach all", primary, others),
        "one-way": (f"{who} is heard by the other members and hears none of them", others, primary),
    }
    for fault, (text, left, right) in tears.items():
        hit = Hit(fault, left, right)
        yield Experiment(
            f"{group.service}-primary-{fault}", "link", text, _objective(survive, "link"), (hit,), hold=5.0
        )
    yield _one(
        survive, "link", f"{group.service}-primary-loss", f"one packet in ten from and to {who} lost", "loss", primary,
        settings=(("share", 0.1),),
    )  # fmt: skip
    if group.component.switch:
        name, text = f"{group.service}-switch", f"the writes of {group.service} moved to another member on purpose"
        yield _one(survive, "planned", name, text, SWITCH, Aim(group.service, Role.PRIMARY))
    text = f"all members of {group.service} restarted, one after the other"
    yield _one(survive, "planned", f"{group.service}-rolling-restart", text, RESTART, Aim(group.service, Role.ALL))


def _load(groups: list[Group], survive: Survive) -> Iterator[Experiment]:
    for group in groups:
        if not (group.elects and group.component.quorum):
            continue
        machine = Aim(group.service, Role.PRIMARY, machines=True)
        who = _who(group.service, Role.PRIMARY)
        for fault, text in {"processor": "busy with 8 processes", "memory": "short of memory"}.items():
            name = f"{group.service}-primary-{fault}"
            yield _one(survive, "load", name, f"the machine of {who} {text}", fault, machine)
        for ailment in group.component.ailments:
            name, fault = f"{group.service}-{ailment.name}", f"{group.component.name}-{ailment.name}"
            yield _one(survive, "load", name, ailment.summary, fault, Aim(group.service, Role.OTHER))


def _lost(groups: list[Group], survive: Survive) -> Iterator[Experiment]:
    for group in groups:
        if len(group.members) < 2:
            continue
        roles = (Role.PRIMARY, Role.OTHER) if group.elects else (Role.ANY,)
        for role in roles:
            text = f"the machine of {_who(group.service, role)} lost for good, with its disk"
            aim = Aim(group.service, role, machines=True)
            yield _one(survive, "machine", f"{group.service}-{role}-lost", text, LOSE, aim, hold=0.0)


def _together(groups: list[Group], survive: Survive) -> Iterator[Experiment]:
    """Two machines at once, and all of them."""
    tended = [group for group in groups if group.elects and group.component.quorum and len(group.members) > 2]
    edges = [group for group in groups if group.component.floats and len(group.members) > 1]
    for group in tended:
        for edge in edges:
            if set(group.machines) & set(edge.machines):
                continue
            hits = (
                Hit("power-off", Aim(group.service, Role.PRIMARY, machines=True)),
                Hit("power-off", Aim(edge.service, Role.ANY, machines=True)),
            )
            text = (
                f"the machines of {_who(group.service, Role.PRIMARY)} and of one {edge.service} without power at once"
            )
            objective = _objective(survive, "pair")
            yield Experiment(f"{group.service}-and-{edge.service}-power-off", "pair", text, objective, hits)
    aims = [Aim(group.service, Role.ALL, machines=True) for group in groups]
    if aims:
        hits = tuple(Hit("power-off", aim) for aim in aims)
        text = "every machine without power at once, and booted again"
        yield Experiment("everything-power-off", "power", text, _objective(survive, "power"), hits, hold=1.0)


def _unattended(groups: list[Group], survive: Survive) -> Iterator[Experiment]:
    """Whoever takes writes is lost while nobody is there who could heal: neither what governs the site nor what that
    needs itself is ever needed to serve."""
    governors = [group for group in groups if group.component.governs]
    needed = {need.interface for group in governors for need in group.component.requires(group.component.options())}
    helpers = [group for group in groups if needed & {port for member in group.members for port, _ in member.ports}]
    stopped = governors + [group for group in helpers if group not in governors]
    given = tuple(Hit("stop", Aim(group.service, Role.ALL)) for group in stopped)
    for group in groups:
        if not (given and group.elects and group.component.switch):
            continue
        hit = Hit("power-off", Aim(group.service, Role.PRIMARY, machines=True))
        names = " and ".join(f"of {each.service}" for each in stopped)
        text = f"the machine of {_who(group.service, Role.PRIMARY)} without power while every member {names} is stopped"
        name = f"{group.service}-primary-power-off-unattended"
        yield Experiment(name, "machine", text, _objective(survive, "machine"), (hit,), given=given)


def _one(
    survive: Survive,
    failure: str,
    name: str,
    text: str,
    fault: str,
    aim: Aim,
    hold: float = 4.0,
    settings: tuple[tuple[str, float], ...] = (),
) -> Experiment:
    return Experiment(name, failure, text, _objective(survive, failure), (Hit(fault, aim, None, settings),), hold)


def _objective(survive: Survive, failure: str) -> Objective:
    promise = getattr(survive, failure)
    return Objective(promise.outage, promise.errors)


def _who(service: str, role: Role) -> str:
    return {Role.PRIMARY: f"the primary of {service}", Role.OTHER: f"another member of {service}"}.get(
        role, f"a member of {service}"
    )


def _is_anybody(aim: Aim) -> bool:
    """Whoever is meant by it, it is the machines in turn or all of them, not those of somebody's primary."""
    return aim.machines and aim.role in (Role.ANY, Role.ALL)


def _without_twins(experiments: list[Experiment], groups: dict[str, Group]) -> tuple[Experiment, ...]:
    """Once for each set of machines: apps and the proxies beside them go down together."""
    seen: set[tuple[object, ...]] = set()
    kept: list[Experiment] = []
    for experiment in experiments:
        key = tuple(
            (hit.fault, groups[hit.aim.service].machines) if _is_anybody(hit.aim) else (hit.fault, hit.aim)
            for hit in (*experiment.given, *experiment.hits)
        )
        if key not in seen:
            seen.add(key)
            kept.append(experiment)
    return tuple(kept)
