"""Every TCP port of every machine, tried from everywhere: `sudo .venv/bin/python -m bench.scan`.

Needs the example shop (`sudo make run`). First as the site is; then from one machine of each pool without
its own firewall, as if somebody had taken it over: what do the firewalls of the others still let through?
Restores every firewall that it removed. Judges nothing but what the rules say.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from tests.lab.site import ROOT, LabSite

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.firewall import Direction
from outlast.blueprint.nftables import SERVICE
from outlast.controller.scan import CONNECT_LIMIT, Scan, scan
from outlast.controller.store import Store
from outlast.kernel.network import ANYWHERE, Transport
from outlast.machines.nspawn.lab import Lab

CONSOLE = Console(highlight=False)


def main() -> None:
    """Scan the example shop and print what opened."""
    asyncio.run(bench(LabSite(ROOT / "examples/shop")))


async def bench(site: LabSite) -> None:
    """Both scans, and what they found."""
    blueprint, provider = _blueprint(site.home), site.provider()
    began = time.monotonic()
    found = await scan(blueprint, provider, full=True)
    _say("as it is", found, time.monotonic() - began)
    for name in sorted({machine.pool: machine.name for machine in blueprint.topology.machines}.values()):
        await _without(blueprint, provider, name)


async def _without(blueprint: Blueprint, provider: Lab, name: str) -> None:
    machine = await provider.connect(name, limit=CONNECT_LIMIT)
    began = time.monotonic()
    try:
        await machine.run(["nft", "delete", "table", "inet", "outlast"], limit=10.0)
        found = await scan(blueprint, provider, full=True, sources=[name])
    finally:
        await machine.run(["systemctl", "restart", SERVICE], limit=30.0)
        await machine.close()
    _say(f"from {name} without its own firewall", found, time.monotonic() - began)
    world = {
        (wall.machine, rule.port)
        for wall in blueprint.firewalls
        for rule in wall.rules
        if rule.direction is Direction.IN
        and rule.transport is Transport.TCP
        and ANYWHERE in [peer.network for peer in rule.peers]
    }
    wired = {(door.target, door.port) for door in found.wanted}
    beyond = {(door.target, door.port) for door in found.open} - wired - world
    CONSOLE.print(f"    beyond the wiring and what serves the world: {sorted(beyond) or 'nothing'}")


def _say(what: str, found: Scan, seconds: float) -> None:
    CONSOLE.print(
        f"{what}: {found.tried} ports tried in {seconds:.0f} s, {len(found.open)} open of {len(found.wanted)} wired, "
        f"{found.silent} silent, {len(found.findings)} findings"
    )
    for (source, port), count in sorted(Counter((door.source, door.port) for door in found.open).items()):
        CONSOLE.print(f"    from {source}: port {port} of {count} machines")
    for finding in found.findings if what == "as it is" else ():
        CONSOLE.print(f"    {finding.where}: {finding.what}")


def _blueprint(home: Path) -> Blueprint:
    blueprint = Store(home / ".outlast").blueprint()
    assert blueprint is not None, "bring the example shop up first: sudo make run"
    return blueprint


if __name__ == "__main__":
    main()
