"""Which networks the labs of this box use: each claims some of its own, and keeps them while it exists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.nspawn import record
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.locks import locked
from outlast.machines.nspawn.names import LABS, Identity

# 10.100.0.0 to 10.199.255.0: away from the small numbers that home and office networks prefer.
CHOICES = 100 * 256
# In memory: nothing of it stays on the disk when the last lab is gone.
LOCK = Path("/run/lock/outlast-lab")
LOCK_LIMIT = 30.0
SMALL = 12


async def claim(identity: Identity, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
    """A /24 for each data centre, the same ones at each call: free on this box and of every other lab's claim."""
    async with locked(LOCK, LOCK_LIMIT):
        claimed = record.networks(identity.folder)
        if not set(datacenters) <= set(claimed):
            used = [network for lab in LABS.glob("*") for network in record.networks(lab).values()]
            used += await _reached()
            for datacenter in datacenters:
                if datacenter not in claimed:
                    claimed[datacenter] = free(int(identity.text[-6:], 16), used)
                    used.append(claimed[datacenter])
            record.claim(identity.folder, claimed)
    return tuple(claimed[datacenter] for datacenter in datacenters)


async def leave() -> None:
    """Remove the labs' common folders when no lab is left in them."""
    async with locked(LOCK, LOCK_LIMIT):
        with suppress(OSError):
            LABS.rmdir()
            LABS.parent.rmdir()


def free(start: int, used: Sequence[IPv4Network]) -> IPv4Network:
    """The first network at or after number `start` that overlaps none of `used`. Raises `OutlastError`."""
    for step in range(CHOICES):
        high, low = divmod((start + step) % CHOICES, 256)
        network = IPv4Network(f"10.{100 + high}.{low}.0/24")
        if not any(network.overlaps(other) for other in used):
            return network
    why = "every network from 10.100.0.0 to 10.199.255.0 is in use on this box"
    raise OutlastError(Finding("this box", "no network is free for the lab", why, "remove labs that nobody needs"))


async def _reached() -> list[IPv4Network]:
    """Networks that the box reaches already, by any of its routing tables."""
    routes = json.loads(await run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    networks = [IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]
    # A private network that takes all of 10.0.0.0/8 leaves no choice but to stand within it.
    return [network for network in networks if network.prefixlen >= SMALL]
