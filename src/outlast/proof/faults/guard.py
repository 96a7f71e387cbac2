"""Machines without power, and the word that they get it back: a file in the site's folder for each such fault.

Three may give it back: whoever took it, the guardian when its time is up, and `chaos off`. They take turns by a lock on
the file; when the file is gone there is nothing left to do. `down` takes the files away before it clears the site.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.provider import Order, Power, Provider

TURN_LIMIT = 90.0
POLL = 0.05


@dataclass(frozen=True, slots=True)
class Guarded:
    """Machines that get their power back `seconds` after it was taken."""

    orders: tuple[Order, ...]
    seconds: float


def folder(state: Path) -> Path:
    """Where the files lie in the site's own folder."""
    return state / "guards"


def keep(path: Path, guarded: Guarded) -> None:
    """Put the word down, before the power is taken."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    machines = [(order.name, order.datacenter, str(order.address)) for order in guarded.orders]
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps({"machines": machines, "seconds": guarded.seconds}), encoding="utf-8")
    temporary.replace(path)


def read(path: Path) -> Guarded | None:
    """The word; None when nothing is left to do."""
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    orders = tuple(Order(name, datacenter, IPv4Address(address)) for name, datacenter, address in held["machines"])
    return Guarded(orders, float(held["seconds"]))


def pending(state: Path) -> tuple[Path, ...]:
    """Every word that is not kept yet."""
    return tuple(sorted(folder(state).glob("*.json")))


async def restore(provider: Provider, path: Path) -> None:
    """Give the machines their power back, unless somebody did. Raises `OutlastError`; the word stays then."""
    async with _turn(path) as guarded:
        if guarded is None:
            return
        off = {found.name for found in await provider.list() if found.power is Power.OFF}
        # A machine that is gone for good is nobody's to bring back: `up` replaces it.
        orders: Sequence[Order] = [order for order in guarded.orders if order.name in off]
        results = await asyncio.gather(*(provider.create(order) for order in orders), return_exceptions=True)
        failed = [result for result in results if isinstance(result, BaseException)]
        if failed:
            raise OutlastError(*(finding for error in failed for finding in _said(path, error))) from failed[0]
        path.unlink()


async def dismiss(state: Path) -> None:
    """Take every word back: the site goes. Returns once nobody is about to keep one."""
    for path in pending(state):
        async with _turn(path) as guarded:
            if guarded is not None:
                path.unlink()


@asynccontextmanager
async def _turn(path: Path) -> AsyncGenerator[Guarded | None]:
    """Nobody else keeps the word meanwhile; what it says, None when it is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        deadline = time.monotonic() + TURN_LIMIT
        while not _taken(descriptor):
            if time.monotonic() >= deadline:
                raise OutlastError(_busy(path))
            await asyncio.sleep(POLL)
        yield read(path)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _said(path: Path, error: BaseException) -> tuple[Finding, ...]:
    if isinstance(error, OutlastError):
        return error.findings
    what, why = "its machines did not get their power back", str(error) or type(error).__name__
    return (Finding(path.stem, what, why, "`outlast up` switches on what is off"),)


def _busy(path: Path) -> Finding:
    return Finding(
        where=path.stem,
        what="its machines are not back yet",
        why=f"somebody has been switching them on for {TURN_LIMIT:g} s",
        fix="see `outlast status`; `outlast up` switches on what is off",
    )
