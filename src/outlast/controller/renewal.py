"""Certificates that end soon are made anew by whoever leads: which ones, on which machines, and whether its clock may
say so. A certificate of the future is worth as little as one of the past, and a leader could give one to everybody."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator

from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Bundle
from outlast.contract.secret import Certificate
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.machines.machine import Machine

EVERY = 60.0
"""Seconds from one look at the certificates to the next."""
RETRY = 900.0
"""Seconds until it is tried again when it failed."""
APART = 300.0
"""By so many seconds clocks may differ. Certificates begin an hour before they are made."""
CLOCK_LIMIT = 5.0


def due(vault: Vault, blueprint: Blueprint) -> tuple[Certificate, ...]:
    """Those that would be made anew if they were sent now. What was never made is not among them."""
    wanted = {each.name: each for bundle in blueprint.bundles for each in _held(bundle)}
    with vault.turn():
        return tuple(wanted[name] for name in sorted(wanted) if vault.certificates.is_due(name))


def holders(blueprint: Blueprint, certificates: Collection[Certificate]) -> frozenset[str]:
    """The machines that have any of them."""
    names = {certificate.name for certificate in certificates}
    return frozenset(b.machine for b in blueprint.bundles if any(each.name in names for each in _held(b)))


async def agree_on_the_time(machines: Collection[Machine], clock: Callable[[], float] = time.time) -> None:
    """Raises `OutlastError` unless the clocks of most of these machines say what this computer's does."""
    apart = await asyncio.gather(*(_apart(machine, clock) for machine in machines))
    alike = sum(seconds is not None and abs(seconds) <= APART for seconds in apart)
    if 2 * alike <= len(apart):
        why = f"{alike} of {len(apart)} machines have the time of this one, within {APART:g} s"
        fix = "set the clocks; until then `outlast rotate certificates` does it by your computer's clock"
        raise OutlastError(Finding("certificates", "some end soon and are not made anew", why, fix))


def _held(bundle: Bundle) -> Iterator[Certificate]:
    return (certificate for held in bundle.parts for certificate in held.part.certificates)


async def _apart(machine: Machine, clock: Callable[[], float]) -> float | None:
    """By how many seconds its clock differs from this computer's; None: it does not say."""
    began = clock()
    try:
        said = await machine.run(["date", "+%s"], limit=CLOCK_LIMIT)
        return int(said.stdout) - (began + clock()) / 2
    except (Unreachable, ValueError):
        return None
