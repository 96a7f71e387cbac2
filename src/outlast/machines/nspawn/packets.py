"""Packets that vanish on purpose, in the lab's switch: partitions, one-way cuts and loss, as nftables rules there.

Between machines of one data centre the rules stand at the bridge's ports, so whatever a machine sends counts, its
floating addresses included. Between data centres they go by the machines' own addresses. The switch is the lab's own
namespace: nothing of the box is touched, and the rules go with it.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from ipaddress import IPv4Address

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines import breakage
from outlast.machines.breakage import Breakage
from outlast.machines.nspawn import record
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.locks import locked
from outlast.machines.nspawn.names import Identity
from outlast.machines.provider import Fault

LOCK_LIMIT = 30.0
CHECK_LIMIT = 10.0
# numgen counts from 0; this is how fine a share can be told.
PARTS = 1000
BY_PACKETS = frozenset({Fault.PARTITION, Fault.CUT_ONE_WAY, Fault.LOSS})


@cache
def usable() -> bool:
    """Whether the box has nftables for bridges with everything that the rules need: tried out in an own namespace."""
    if not (shutil.which("nft") and shutil.which("unshare")):
        return False
    everything = Breakage().parted(["a"], ["b"]).losing("a", 0.5)
    rules = _rules(everything, {"a": "cable-a", "b": "cable-b"}, {"a": "10.0.0.1", "b": "10.0.0.2"})
    try:
        done = subprocess.run(
            ["unshare", "--net", "nft", "-f", "-"], input=rules, text=True, capture_output=True, timeout=CHECK_LIMIT
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


async def change(identity: Identity, how: Callable[[Breakage], Breakage], *names: str) -> None:
    """Break or mend: `how` turns what is broken now into what shall be. Raises `OutlastError` for unknown `names`."""
    _refuse_unknown(identity, names)
    path = identity.folder / "breakage.json"
    if not path.exists() and how(Breakage()) == Breakage():
        # Nothing was ever broken: a lab that is gone gets no folder for that.
        return
    async with locked(identity.folder / "breakage.lock", LOCK_LIMIT):
        before = breakage.parse(path.read_text()) if path.exists() else Breakage()
        after = how(before)
        if after == before:
            return
        # Remembered first: rules that nobody remembers could never be mended.
        record.replace(path, after.dump())
        machines = record.every(identity)
        cables = {held.name: identity.cable(held.name) for held in machines}
        addresses = {held.name: held.address for held in machines}
        await run(["ip", "netns", "exec", identity.switch, "nft", "-f", "-"], stdin=_rules(after, cables, addresses))


def _refuse_unknown(identity: Identity, names: tuple[str, ...]) -> None:
    known = {held.name for held in record.every(identity)}
    missing = sorted(set(names) - known)
    if missing:
        why, fix = f"the lab has no machine {', '.join(missing)}", "see `outlast status` for their names"
        raise OutlastError(Finding(missing[0], "it cannot be broken", why, fix))


def _rules(broken: Breakage, cables: dict[str, str], addresses: dict[str, str]) -> str:
    """The whole rule set, put in the place of the one before at once. Machines that are gone have no rules."""
    pairs = [pair for pair in sorted(broken.blocked) if set(pair) <= set(cables)]
    losses = [(cables[name], round(share * PARTS)) for name, share in broken.losses if name in cables]
    # ARP passes: without it a machine could not answer whoever still reaches it, and one way would be both.
    forward = [f'iifname "{cables[one]}" oifname "{cables[other]}" ether type != arp drop' for one, other in pairs]
    routed = [f"ip saddr {IPv4Address(addresses[a])} ip daddr {IPv4Address(addresses[b])} drop" for a, b in pairs]
    out = [f'iifname "{cable}" numgen random mod {PARTS} < {lost} drop' for cable, lost in losses]
    into = [f'oifname "{cable}" numgen random mod {PARTS} < {lost} drop' for cable, lost in losses]
    return "\n".join(
        [
            *_table("bridge", {"forward": forward, "prerouting": out, "postrouting": into}),
            *_table("ip", {"forward": routed}),
            "",
        ]
    )


def _table(family: str, chains: dict[str, list[str]]) -> list[str]:
    lines = [f"table {family} outlast", f"delete table {family} outlast", f"table {family} outlast {{"]
    for hook, rules in chains.items():
        lines += [f"chain {hook} {{", f"type filter hook {hook} priority 0; policy accept;", *rules, "}"]
    return [*lines, "}"]
