"""The load of every service: summed over all members that pass requests on to it, and as its own members tell it. Pure.

What one of the former does not tell makes the sum unknown, unless that one certainly passes nothing on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from outlast.contract.gauge import Load
from outlast.controller.hearing import Hearing
from outlast.controller.listening import Listening
from outlast.policy.observation import Fact, Known, LoadSeen, MachineSeen, Presence, Unknown
from outlast.topology.topology import Topology

NOBODY = "nobody shows it"


def loads(
    topology: Topology,
    listenings: Mapping[str, Listening],
    hearings: Mapping[str, Hearing],
    machines: Mapping[str, MachineSeen],
) -> dict[str, LoadSeen]:
    """By data centre and service, as "east/web"; an entry for every service."""
    shown: dict[str, dict[str, Fact[tuple[Load, ...]]]] = {ground.datacenter: {} for ground in topology.grounds}
    for name, listening in listenings.items():
        for member, tenant in listening.tenants.items():
            if tenant.component.gauge is not None and not _is_out(member, hearings[name], machines[name]):
                fact = hearings[name].loads.get(member, Unknown(f"{member} was not heard"))
                shown[topology.machine_by_name[name].datacenter][member] = fact
    found: dict[str, LoadSeen] = {}
    for (datacenter, service), members in topology.clusters.items():
        there = [m for m in members if not _is_out(m.name, hearings[m.machine], machines[m.machine])]
        used = {m.name: hearings[m.machine].share(m.name) for m in there}
        figures = {m.name: hearings[m.machine].figures.get(m.name, Unknown("it has shown none yet")) for m in there}
        load = _load(service, shown[datacenter])
        found[f"{datacenter}/{service}"] = replace(load, processors=used, metrics=figures)
    return found


def _is_out(member: str, hearing: Hearing, machine: MachineSeen) -> bool:
    """Whether it certainly does nothing: its machine is off, or its service has no processes."""
    presence = machine.presence
    is_off = isinstance(presence, Known) and presence.value is not Presence.ON and presence.at > hearing.heard
    return is_off or hearing.fell.get(member) == hearing.heard


def _load(service: str, shown: Mapping[str, Fact[tuple[Load, ...]]]) -> LoadSeen:
    known: dict[str, Known[tuple[Load, ...]]] = {}
    for member, fact in shown.items():
        if isinstance(fact, Unknown):
            return _unknown(f"{member}: {fact.because}")
        known[member] = fact
    seen = [load for fact in known.values() for load in fact.value if load.service == service]
    if not seen:
        return _unknown(NOBODY)
    at = min(fact.at for fact in known.values())
    rate = sum(load.rate for load in seen)
    return LoadSeen(
        busy=Known(float(sum(load.busy for load in seen)), at), rate=Known(float(rate), at), mean=_mean(seen, at)
    )


def _mean(seen: list[Load], at: float) -> Fact[float]:
    """Of those who have requests now: the average of one that has none may be of long ago."""
    counted = [(load.rate, load.mean) for load in seen if load.rate and load.mean is not None]
    if not counted:
        return Unknown("no request came within the last second")
    return Known(sum(rate * mean for rate, mean in counted) / sum(rate for rate, _ in counted), at)


def _unknown(because: str) -> LoadSeen:
    fact = Unknown(because)
    return LoadSeen(fact, rate=fact, mean=fact)
