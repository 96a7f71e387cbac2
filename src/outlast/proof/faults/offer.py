"""Which faults a site can have, and why not the others. Pure: what only machines know, the injection asks them."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry
from outlast.kernel.errors import Finding, Invalid, Severity
from outlast.kernel.units import LONGEST_DURATION
from outlast.machines import provider
from outlast.proof.faults.ailments import afflicted, kinds
from outlast.proof.faults.catalogue import POWER_OFF, Kind
from outlast.proof.faults.fault import Fault, Level, Offer

SHORTEST = 1.0


def offers(blueprint: Blueprint, registry: Registry, held: Collection[provider.Fault]) -> tuple[Offer, ...]:
    """Every kind of fault with everything that can have it; `held` is what the provider can do."""
    return tuple(_offer(kind, blueprint, registry, held) for kind in kinds(registry).values())


def refuse(fault: Fault, blueprint: Blueprint, registry: Registry, held: Collection[provider.Fault]) -> None:
    """Raises `Invalid` with everything that is wrong with a fault."""
    known = kinds(registry)
    if fault.kind not in known:
        raise Invalid(_unknown(fault.kind, list(known), "kind of fault"))
    offer = _offer(known[fault.kind], blueprint, registry, held)
    findings = list(_wrong(fault, offer))
    if findings:
        raise Invalid(*findings)


def _offer(kind: Kind, blueprint: Blueprint, registry: Registry, held: Collection[provider.Fault]) -> Offer:
    machines = tuple(machine.name for machine in blueprint.topology.machines)
    targets = afflicted(blueprint, registry, kind) if kind.level is Level.MEMBER else machines
    finding = None
    if kind is POWER_OFF and provider.Fault.POWER_OFF not in held:
        targets, finding = (), _no_power()
    elif not targets:
        finding = Finding(kind.name, "nothing here can have it", "no member can", "", Severity.NOTE)
    return Offer(kind.name, kind.level, kind.summary, targets, kind.parameters, kind.spares_primary, finding)


def _wrong(fault: Fault, offer: Offer) -> Iterator[Finding]:
    if offer.finding:
        yield offer.finding
        return
    for name in (*fault.targets, *fault.others):
        if name not in offer.targets:
            yield _unknown(name, list(offer.targets), f"{_noun(offer.level)} that can have {fault.kind}")
    both = set(fault.targets) & set(fault.others)
    if not fault.targets:
        yield _usage(fault, "it has no target", f"it hits a {_noun(offer.level)}", "name one or more")
    if (offer.level is Level.BETWEEN) != bool(fault.others):
        yield _usage(
            fault,
            "it lies between two sets of machines" if not fault.others else "it has no second set",
            "each set must be named" if not fault.others else "it hits what it hits, alone",
            f"`outlast chaos run {fault.kind} A B --from C` names both"
            if not fault.others
            else "leave the second set out",
        )
    if both:
        yield _usage(fault, f"{', '.join(sorted(both))} stands on both sides", "a machine reaches itself", "choose one")
    if not SHORTEST <= fault.seconds <= LONGEST_DURATION:
        yield _usage(fault, f"it cannot last {fault.seconds:g} s", "it must end by itself", "between 1 s and ten years")
    limits = {parameter.name: parameter for parameter in offer.parameters}
    for name, given in fault.parameters:
        if name not in limits:
            yield _unknown(name, list(limits), f"parameter of {fault.kind}")
        elif not limits[name].least <= given <= limits[name].most:
            least, most = limits[name].least, limits[name].most
            yield _usage(fault, f"{name} cannot be {given:g}", limits[name].summary, f"from {least:g} to {most:g}")


def _noun(level: Level) -> str:
    return "member" if level is Level.MEMBER else "machine"


def _usage(fault: Fault, what: str, why: str, fix: str) -> Finding:
    return Finding(f"chaos {fault.kind}", what, why, fix)


def _unknown(name: str, known: list[str], kinds_: str) -> Finding:
    close = difflib.get_close_matches(name, known, n=1)
    fix = (
        f"did you mean {close[0]}?" if close else f"choose one of: {', '.join(sorted(known))}" if known else "leave it"
    )
    return Finding(name, f"the site has no such {kinds_}", "nothing bears that name", fix)


def _no_power() -> Finding:
    return Finding(
        where=POWER_OFF.name,
        what="the power of these machines cannot be taken away",
        why="nobody here holds it: they are servers of the owner's",
        fix="use `reboot`, which a machine does itself without stopping anything first, or `isolate`",
        severity=Severity.NOTE,
    )
