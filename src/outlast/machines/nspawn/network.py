"""The lab's networks: one namespace as its switch, with a bridge for each data centre and a cable into each machine.

    box: uplink .1 ----- bridge east .2 ---- host0 of east-app-1      (all bridges in the lab's switch, which
    box: uplink .1 ----- bridge west .2 ---- host0 of west-app-1       also routes between the data centres)

The switch is apart from the box, so that the box's own firewall (a container engine's, say) drops nothing between
machines, and nothing global on the box has to be changed for them. It goes as a whole.
"""

from __future__ import annotations

import json
from ipaddress import IPv4Network
from pathlib import Path

from outlast.machines.nspawn import record
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.locks import locked
from outlast.machines.nspawn.names import Identity
from outlast.machines.provider import Order

NAMESPACES = Path("/run/netns")
INTERFACES = Path("/sys/class/net")
LOCK_LIMIT = 30.0


async def plug(identity: Identity, order: Order) -> None:
    """Give a machine its namespace, with its end of a new cable, address and route in it."""
    network = record.networks(identity.folder)[order.datacenter]
    await _ensure_bridge(identity, order.datacenter, network)
    await unplug(identity, order.name)
    bridge, cable, namespace = (
        identity.bridge(order.datacenter),
        identity.cable(order.name),
        identity.machine(order.name),
    )
    await _batch("", f"netns add {namespace}")
    await _batch(
        identity.switch,
        f"link add {cable} type veth peer name host0 address {identity.hardware_address(order.name)} netns {namespace}",
        f"link set {cable} master {bridge} up",
    )
    await _batch(
        namespace,
        f"addr add {order.address}/{network.prefixlen} dev host0",
        "link set lo up",
        "link set host0 up",
        f"route add default via {network[2]}",
    )


async def unplug(identity: Identity, name: str) -> None:
    """Remove a machine's namespace and cable, if they are there."""
    namespace = identity.machine(name)
    if (NAMESPACES / namespace).exists():
        await run(["ip", "netns", "del", namespace])
    # The cable goes with the namespace, but not at once: the kernel takes namespaces apart later.
    await run(["ip", "-n", identity.switch, "link", "del", identity.cable(name)], check=False)


async def set_cable(identity: Identity, name: str, state: str, *, check: bool = True) -> None:
    """Take the bridge's end of a machine's cable `up` or `down`."""
    await run(["ip", "-n", identity.switch, "link", "set", identity.cable(name), state], check=check)


async def clear(identity: Identity) -> None:
    """Remove every namespace and interface of this lab."""
    for namespace in (*sorted(NAMESPACES.glob(f"{identity.prefix}*")), NAMESPACES / identity.switch):
        if namespace.exists():
            await run(["ip", "netns", "del", namespace.name])
    for link in json.loads(await run(["ip", "-json", "link"])):
        if link.get("ifalias") == identity.text:
            await run(["ip", "link", "del", link["ifname"]], check=False)


async def _ensure_bridge(identity: Identity, datacenter: str, network: IPv4Network) -> None:
    uplink = identity.uplink(datacenter)
    if _is_up(uplink):
        return
    async with locked(identity.folder / "lock", LOCK_LIMIT):
        # Several machines may find it missing at once: one makes it.
        if not _is_up(uplink):
            await _make_bridge(identity, datacenter, network)


async def _make_bridge(identity: Identity, datacenter: str, network: IPv4Network) -> None:
    bridge, uplink, switch = identity.bridge(datacenter), identity.uplink(datacenter), identity.switch
    if not (NAMESPACES / switch).exists():
        await _batch("", f"netns add {switch}")
    # One that was being made when its maker was killed is made anew.
    await run(["ip", "link", "del", uplink], check=False)
    await run(["ip", "-n", switch, "link", "del", bridge], check=False)
    forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
    await run(["ip", "netns", "exec", switch, "sh", "-c", forward])
    await _batch("", f"link add {uplink} type veth peer name {uplink} netns {switch}")
    await _batch(
        switch,
        "link set lo up",
        f"link add {bridge} address {identity.hardware_address(datacenter)} type bridge mcast_snooping 0",
        f"addr add {network[2]}/{network.prefixlen} dev {bridge}",
        f"link set {bridge} up",
        f"link set {uplink} master {bridge} up",
    )
    # Up comes last: an uplink that is up is complete.
    await _batch(
        "",
        f"link set {uplink} alias {identity.text}",
        f"addr add {network[1]}/{network.prefixlen} dev {uplink}",
        f"link set {uplink} up",
    )


async def _batch(namespace: str, *lines: str) -> None:
    where = ["-n", namespace] if namespace else []
    await run(["ip", *where, "-batch", "-"], stdin="\n".join(lines))


def _is_up(interface: str) -> bool:
    flags = INTERFACES / interface / "flags"
    # The lowest bit is IFF_UP (netdevice(7)).
    return flags.exists() and bool(int(flags.read_text(), 16) & 1)
