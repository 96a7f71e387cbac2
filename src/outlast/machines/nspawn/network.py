"""The lab's networks: a bridge for each data centre, and a cable from it into each machine's own namespace.

Every interface carries the lab's identity as its alias, so that what a killed command left is recognised.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
from collections.abc import Sequence
from ipaddress import IPv4Network
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.nspawn import record
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.names import LABS, Identity
from outlast.machines.provider import Order

# 10.100.0.0 to 10.199.255.0: away from the small numbers that home and office networks prefer.
CHOICES = 100 * 256
NAMESPACES = Path("/run/netns")


async def claim(identity: Identity, datacenters: Sequence[str]) -> tuple[IPv4Network, ...]:
    """A /24 for each data centre, the same ones at each call: free on this box and of every other lab's claim."""
    LABS.mkdir(parents=True, exist_ok=True)
    with (LABS / "lock").open("w") as lock:
        await asyncio.to_thread(fcntl.flock, lock, fcntl.LOCK_EX)
        claimed = record.networks(identity.folder)
        if not set(datacenters) <= set(claimed):
            used = [network for lab in LABS.iterdir() if lab.is_dir() for network in record.networks(lab).values()]
            used += await _routed()
            for datacenter in datacenters:
                if datacenter not in claimed:
                    claimed[datacenter] = _free(identity, used)
                    used.append(claimed[datacenter])
            record.claim(identity.folder, claimed)
    return tuple(claimed[datacenter] for datacenter in datacenters)


async def plug(identity: Identity, order: Order) -> None:
    """Give a machine its namespace, with its end of a new cable, address and route in it."""
    network = record.networks(identity.folder)[order.datacenter]
    bridge, cable, namespace = (
        identity.bridge(order.datacenter),
        identity.cable(order.name),
        identity.machine(order.name),
    )
    await _ensure_bridge(identity, bridge, network)
    await unplug(identity, order.name)
    await run(["ip", "netns", "add", namespace])
    outside = [
        f"link add {cable} type veth peer name host0 netns {namespace}",
        f"link set {cable} alias {identity.text} master {bridge} up",
    ]
    inside = [
        f"addr add {order.address}/{network.prefixlen} dev host0",
        "link set lo up",
        "link set host0 up",
        f"route add default via {network[1]}",
    ]
    await run(["ip", "-batch", "-"], stdin="\n".join(outside))
    await run(["ip", "-n", namespace, "-batch", "-"], stdin="\n".join(inside))


async def unplug(identity: Identity, name: str) -> None:
    """Remove a machine's namespace and cable, if they are there."""
    namespace = identity.machine(name)
    if (NAMESPACES / namespace).exists():
        await run(["ip", "netns", "del", namespace])
    # The cable goes with the namespace, but not at once: the kernel takes namespaces apart later.
    await run(["ip", "link", "del", identity.cable(name)], check=False)


async def set_cable(identity: Identity, name: str, state: str) -> None:
    """Take the box's end of a machine's cable `up` or `down`."""
    await run(["ip", "link", "set", identity.cable(name), state])


async def clear(identity: Identity) -> None:
    """Remove every namespace and interface of this lab."""
    for namespace in sorted(NAMESPACES.glob(f"{identity.prefix}*")):
        await run(["ip", "netns", "del", namespace.name])
    for link in json.loads(await run(["ip", "-json", "link"])):
        if link.get("ifalias") == identity.text:
            await run(["ip", "link", "del", link["ifname"]], check=False)


async def _ensure_bridge(identity: Identity, bridge: str, network: IPv4Network) -> None:
    if not Path(f"/sys/class/net/{bridge}").exists():
        # Several machines may find it missing at once: the second `add` fails, and that is fine.
        await run(["ip", "link", "add", bridge, "type", "bridge"], check=False)
    lines = [
        f"link set {bridge} alias {identity.text} up",
        f"addr replace {network[1]}/{network.prefixlen} dev {bridge}",
    ]
    await run(["ip", "-batch", "-"], stdin="\n".join(lines))


async def _routed() -> list[IPv4Network]:
    """Networks that the box reaches already."""
    routes = json.loads(await run(["ip", "-json", "-4", "route"]) or "[]")
    return [IPv4Network(route["dst"], strict=False) for route in routes if route["dst"] != "default"]


def _free(identity: Identity, used: list[IPv4Network]) -> IPv4Network:
    start = int(identity.text[-6:], 16)
    for step in range(CHOICES):
        high, low = divmod((start + step) % CHOICES, 256)
        network = IPv4Network(f"10.{100 + high}.{low}.0/24")
        if not any(network.overlaps(other) for other in used):
            return network
    why = "every network from 10.100.0.0 to 10.199.255.0 is in use on this box"
    raise OutlastError(Finding("this box", "no network is free for the lab", why, "remove labs that nobody needs"))
