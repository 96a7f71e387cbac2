"""The one read model of a running site, behind `status`, the console and every `--json`.

It tells the truth of one look: what is not known is `unknown`, which is neither healthy nor dead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from outlast.apply.facts import Silent
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.probe import Health, Report
from outlast.contract.registry import Registry
from outlast.controller.observe import Sight
from outlast.machines.provider import Found, Power
from outlast.topology.topology import Machine, Member, Topology


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """`state` is up (it answered), down (its provider says so) or unknown (no answer, reason in `because`)."""

    name: str
    datacenter: str
    address: str
    pool: str
    state: str
    members: tuple[str, ...]
    because: str


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """One member; `role` is what it does in its cluster, empty when it has none."""

    name: str
    component: str
    service: str
    machine: str
    health: Health
    role: str
    because: str


@dataclass(frozen=True, slots=True)
class Redundancy:
    """Healthy members, wanted and had."""

    want: int
    have: int


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service in one data centre; `healthy` says that it serves, not that nothing is missing.

    `primary` is the member that takes its writes or leads it; None: it has none, or its observers disagree.
    """

    name: str
    datacenter: str
    healthy: bool
    primary: str | None
    redundancy: Redundancy
    because: str


@dataclass(frozen=True, slots=True)
class FloatingStatus:
    """Which machine holds a floating address now; None: none that answered."""

    address: str
    home: str
    holder: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """A site as one look found it. `healthy`: every machine is up, every member healthy, every service served.

    `indispensable`: each machine that could not be lost now, with the service that would stop for want of it."""

    site: str
    generation: int
    healthy: bool
    urls: tuple[str, ...]
    machines: tuple[MachineStatus, ...]
    members: tuple[MemberStatus, ...]
    services: tuple[ServiceStatus, ...]
    floating: tuple[FloatingStatus, ...]
    indispensable: tuple[tuple[str, str], ...] = ()


def assess(blueprint: Blueprint, registry: Registry, found: Mapping[str, Found], sight: Sight) -> Status:
    """The status of a site, from its blueprint, its provider's list and one look. Pure."""
    topology = blueprint.topology
    machines = tuple(_machine(machine, topology.members_by_machine, found, sight) for machine in topology.machines)
    reports = {m.name: _report(m, registry, found, sight) for m in topology.members}
    primaries = _primaries(reports)
    members = tuple(_member(member, reports[member.name], primaries) for member in topology.members)
    services = tuple(
        _service(datacenter, name, group, registry, reports, primaries)
        for (datacenter, name), group in sorted(topology.clusters.items())
    )
    holders = {address: m.machine for m in topology.members for address in reports[m.name].holds}
    floating = tuple(FloatingStatus(f.address, f.home, holders.get(f.address)) for f in topology.floating)
    return Status(
        site=topology.site,
        generation=blueprint.generation,
        healthy=all(machine.state == "up" for machine in machines)
        and all(member.health is Health.HEALTHY for member in members)
        and all(service.healthy for service in services),
        urls=urls(blueprint),
        machines=machines,
        members=members,
        services=services,
        floating=floating,
        indispensable=tuple(_indispensable(topology, registry, reports)),
    )


def _indispensable(
    topology: Topology, registry: Registry, reports: Mapping[str, Report[object]]
) -> Iterator[tuple[str, str]]:
    """By the members that are healthy now; what needs whom beside them is said by `check`."""
    for machine in topology.machines:
        for (_, service), group in sorted(topology.clusters.items()):
            homes = [member.machine for member in group if reports[member.name].health is Health.HEALTHY]
            without = [home for home in homes if home != machine.name]
            if len(without) < registry[group[0].component].needed(len(group)) <= len(homes):
                yield machine.name, service


def urls(blueprint: Blueprint) -> tuple[str, ...]:
    """One HTTPS address for each floating address."""
    return tuple(f"https://{floating.address}/" for floating in blueprint.topology.floating)


def _machine(
    machine: Machine, members: Mapping[str, tuple[Member, ...]], found: Mapping[str, Found], sight: Sight
) -> MachineStatus:
    answer = sight.answers[machine.name]
    held = tuple(member.name for member in members[machine.name])
    state, because = "up", "it answers"
    if isinstance(answer, Silent):
        gone = _gone(machine.name, found)
        state, because = ("down", gone) if gone else ("unknown", answer.because)
    return MachineStatus(machine.name, machine.datacenter, machine.address, machine.pool, state, held, because)


def _gone(machine: str, found: Mapping[str, Found]) -> str:
    """Why the machine is certainly not there; empty when its provider sees it running."""
    if machine not in found:
        return "its provider has no such machine"
    return "its power is off" if found[machine].power is Power.OFF else ""


def _report(member: Member, registry: Registry, found: Mapping[str, Found], sight: Sight) -> Report[object]:
    gone = _gone(member.machine, found)
    if gone and isinstance(sight.answers[member.machine], Silent):
        return Report(Health.UNHEALTHY, f"{member.machine}: {gone}")
    return sight.report(registry, member.name, member.component, member.machine)


def _primaries(reports: Mapping[str, Report[object]]) -> dict[str, Counter[str]]:
    """Service to the members that somebody sends its writes to, with how many do."""
    seen: dict[str, Counter[str]] = {}
    for report in reports.values():
        for primary in report.primaries:
            seen.setdefault(primary.service, Counter())[primary.member] += 1
    return seen


def _member(member: Member, report: Report[object], primaries: Mapping[str, Counter[str]]) -> MemberStatus:
    is_writer = member.name in primaries.get(member.service, ())
    role = ", ".join(part for part in ("writer" if is_writer else "", report.role) if part)
    return MemberStatus(
        member.name, member.component, member.service, member.machine, report.health, role, report.because
    )


def _service(
    datacenter: str,
    name: str,
    group: tuple[Member, ...],
    registry: Registry,
    reports: Mapping[str, Report[object]],
    primaries: Mapping[str, Counter[str]],
) -> ServiceStatus:
    want, have = len(group), sum(reports[member.name].health is Health.HEALTHY for member in group)
    needed = registry[group[0].component].needed(want)
    own = [member.name for member in group]
    seen = sorted(member for member in primaries.get(name, ()) if member in own)
    leaders = [member.name for member in group if reports[member.name].role == "leader"]
    candidates = seen or leaders
    primary = candidates[0] if len(candidates) == 1 else None
    if len(candidates) > 1:
        because = f"its observers disagree who is primary: {', '.join(candidates)}"
    elif have < needed:
        because = f"{have} of {want} members are healthy, and it needs {needed}"
    else:
        because = "everything wanted is there" if have == want else f"{want - have} of {want} members are missing"
    healthy = have >= needed and len(candidates) <= 1
    return ServiceStatus(name, datacenter, healthy, primary, Redundancy(want, have), because)
