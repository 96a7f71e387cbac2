"""What machines hold against what they were told to hold: a dry run of landing on every one of them.

Decides nothing: each drift says what was found and what `up` does about it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from outlast.apply.apply import Applier, edition
from outlast.apply.facts import FileFound, Landed, Pending, Standing
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Bundle, File
from outlast.contract.registry import Registry
from outlast.controller.observe import CONNECT_LIMIT
from outlast.controller.shown import difference
from outlast.kernel.errors import Unreachable
from outlast.machines.provider import Found, Power, Provider

CLOCK_LIMIT = 1.0
UNITS = "/etc/systemd/system"
BY_HAND = "/var/lib/outlast/by-hand"
FILE = {
    Standing.NEW: "it was not written yet",
    Standing.OUTDATED: "it is as an earlier generation asked for",
    Standing.DELETED: "it had been deleted",
    Standing.EDITED: "it had been edited by hand",
    Standing.RIGHTS: "its mode or owner had been changed",
    Standing.MASKED: "it had been masked",
    Standing.REPLACED: "something else had been put in its place",
}
SERVICE = {"stopped": "it had been stopped", "failed": "it had failed", "disabled": "it had been disabled"}
SERVICE_MEND = {"stopped": "it is started", "failed": "it is started", "disabled": "it is enabled"}
RELEASE = {Standing.EDITED: "it had been edited", Standing.DELETED: "it had been deleted"}


class Kind(StrEnum):
    """What has drifted."""

    MACHINE = "machine"
    FILE = "file"
    OVERRIDE = "override"
    SERVICE = "service"
    PACKAGE = "package"
    RELEASE = "release"
    JOB = "job"
    CLOCK = "clock"
    LEFTOVER = "leftover"


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a machine is not as it was told.

    `subject` is the file, service, package or release; `mend` is what `up` does about it; `lines` show what differs
    in a file, without secrets.
    """

    machine: str
    kind: Kind
    subject: str
    what: str
    mend: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Look:
    """One machine's answer; `ahead` is how many seconds its clock is before ours, give or take `doubt`."""

    drifts: tuple[Drift, ...]
    landed: Landed | None = None
    ahead: float = 0.0
    doubt: float = 0.0


async def drift(blueprint: Blueprint, registry: Registry, provider: Provider, vault: Vault) -> tuple[Drift, ...]:
    """Every drift from `blueprint`, by machine. A machine that does not answer is one too."""
    found = {machine.name: machine for machine in await provider.list()}
    names = list(blueprint.bundle_by_machine)
    looks = await asyncio.gather(*(_look(blueprint, provider, vault, name, found.get(name)) for name in names))
    answered = {name: look for name, look in zip(names, looks, strict=True) if look.landed is not None}
    landed = {name: look.landed for name, look in answered.items() if look.landed is not None}
    orphans = sorted(set(found) - set(names))
    return (
        *(drifted for look in looks for drifted in look.drifts),
        *(Drift(name, Kind.MACHINE, name, "the site does not know this machine", "it is removed") for name in orphans),
        *odd_versions(blueprint, registry, landed),
        *odd_clocks({name: (look.ahead, look.doubt) for name, look in answered.items()}),
    )


async def _look(blueprint: Blueprint, provider: Provider, vault: Vault, name: str, found: Found | None) -> _Look:
    if found is None:
        return _Look((Drift(name, Kind.MACHINE, name, "it does not exist", "it is made anew"),))
    if found.power is Power.OFF:
        return _Look((Drift(name, Kind.MACHINE, name, "its power is off", "it is started"),))
    try:
        machine = await provider.connect(name, limit=CONNECT_LIMIT)
    except Unreachable as error:
        why = f"it does not answer: {error.findings[0].why}"
        return _Look((Drift(name, Kind.MACHINE, name, why, "nothing: see why, or `outlast up --replace` it"),))
    try:
        bundle = blueprint.bundle_by_machine[name]
        asked = time.time()
        landed = await Applier(machine, bundle, edition(blueprint), vault).land(dry=True, look=False)
        answered = time.time()
        drifts = differences(bundle, landed, vault.fill)
        ahead = landed.clock - (asked + answered) / 2 if landed.clock else 0.0
        return _Look(tuple(drifts), landed, ahead, (answered - asked) / 2)
    finally:
        await machine.close()


def differences(bundle: Bundle, landed: Landed, fill: Callable[[str], str]) -> Iterator[Drift]:
    """The drifts of one machine that answered."""
    name = bundle.machine
    wanted = _files(bundle)
    for path, found in landed.files.items():
        lines = difference(wanted[path], fill(wanted[path].content), found) if path in wanted else ()
        yield Drift(name, Kind.FILE, path, FILE[found.was], f"it is {_put_back(found)}", lines)
    for path, found in landed.overrides.items():
        lines = tuple(f"+{line}" for line in (found.content or "").splitlines())
        yield Drift(name, Kind.OVERRIDE, path, "somebody overrides a unit of the site", "it is removed", lines)
    for service, ills in landed.services.items():
        for ill in ills:
            yield Drift(name, Kind.SERVICE, service, SERVICE[ill], SERVICE_MEND[ill])
    for service, need in landed.pending.items():
        if need is not Pending.NONE and not {"stopped", "failed"} & {*landed.services.get(service, ())}:
            what = "it is not running" if need is Pending.START else "it runs on other files than it was told"
            yield Drift(name, Kind.SERVICE, service, what, f"it gets a {need}")
    for release in landed.artifacts:
        subject = f"{release.name} {release.digest}"
        yield Drift(name, Kind.RELEASE, subject, RELEASE.get(release.was, "it is missing"), "it is unpacked anew")
    for package, (want, have) in landed.packages.wrong.items():
        what = f"{have} is installed" if have else "it was removed"
        yield Drift(
            name, Kind.PACKAGE, package, f"{what}, and the machine was made with {want}", f"{want} is installed"
        )
    for job in landed.jobs:
        yield Drift(name, Kind.JOB, job, "there is no record that it ran", "it is noted, or run where nobody ran it")
    for subject in (*landed.leftovers.files, *landed.leftovers.services, *landed.leftovers.releases):
        yield Drift(name, Kind.LEFTOVER, subject, "the site no longer asks for it", "it is removed")


def mended(landed: Landed) -> Iterator[str]:
    """What a landing found that somebody else had done, and did about it: one plain line each."""
    for path, found in landed.files.items():
        if found.was.by_hand:
            yield f"{path}: {FILE[found.was]}; {_put_back(found)}"
    for path in landed.overrides:
        yield f"{path}: somebody overrode a unit of the site; removed, and kept in {BY_HAND}"
    for service, ills in landed.services.items():
        yield from (f"{service}: {SERVICE[ill]}; {'enabled' if ill == 'disabled' else 'started'} again" for ill in ills)
    for release in landed.artifacts:
        if release.was.by_hand:
            yield f"release {release.name} {release.digest}: {RELEASE[release.was]}; unpacked anew"


def odd_versions(blueprint: Blueprint, registry: Registry, landed: Mapping[str, Landed]) -> Iterator[Drift]:
    """Machines of one cluster that have other versions of its engine than most of them."""
    for stage in blueprint.stages:
        component = registry[stage.component]
        machines = sorted({blueprint.topology.member_by_name[member].machine for member in stage.members} & set(landed))
        for package in component.packages(component.options()) if not component.claim.many else ():
            have = {name: landed[name].packages.versions.get(package, "") for name in machines}
            most = Counter(have.values()).most_common(1)[0][0] if have else ""
            for name, version in have.items():
                if version != most and package not in landed[name].packages.wrong:
                    what = f"{version or 'no version'} here, {most or 'none'} on most machines of {stage.service}"
                    yield Drift(name, Kind.PACKAGE, package, what, f"nothing: `outlast up --replace {name}` does")


def odd_clocks(clocks: Mapping[str, tuple[float, float]]) -> Iterator[Drift]:
    """Machines whose clock is away from that of most of them: (seconds before ours, give or take) by name."""
    if not clocks:
        return
    middle = statistics.median(ahead for ahead, _ in clocks.values())
    for name, (ahead, doubt) in clocks.items():
        if abs(ahead - middle) > CLOCK_LIMIT + doubt:
            side = "before" if ahead > middle else "behind"
            what = f"its clock is {abs(ahead - middle):.1f} s {side} the others'"
            yield Drift(name, Kind.CLOCK, name, what, "nothing: set the clock, and see why nobody keeps it")


def _files(bundle: Bundle) -> dict[str, File]:
    files = {file.path: file for held in bundle.parts for file in held.part.files}
    services = (service for held in bundle.parts for service in held.part.services)
    return {**files, **{(path := f"{UNITS}/{s.name}"): File(path, s.unit) for s in services}}


def _put_back(found: FileFound) -> str:
    kept = f", and what was there is kept in {BY_HAND}" if found.was in (Standing.EDITED, Standing.REPLACED) else ""
    return f"put back{kept}"
