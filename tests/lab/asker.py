"""A controller in a few lines: `python -m tests.lab.asker HOME NAME ADDRESS` has a machine made, reaches it, and has it
removed, with what was handed over to the folder HOME. Prints JSON: whom it saw before, what the machine said, and whom
it saw after."""

from __future__ import annotations

import asyncio
import json
import sys
from ipaddress import IPv4Address
from pathlib import Path

from outlast.controller.workspace import open_workspace
from outlast.kernel.events import silent
from outlast.machines.machine import Machine
from outlast.machines.provider import Order


async def ask(home: Path, name: str, address: str) -> dict[str, object]:
    """Everything that a controller wants of a vendor, with what came of it."""
    workspace = open_workspace(home / "site.yaml")
    provider, blueprint = workspace.provider, workspace.store.blueprint()
    assert blueprint is not None
    await provider.prepare(blueprint.packages, silent)
    # Without having asked the vendor: where it is stands in the blueprint.
    old = await _says(await provider.connect(blueprint.topology.machines[0].name))
    before = [found.name for found in await provider.list()]
    said: list[str] = []
    for _ in range(2):
        await provider.create(Order(name, "east", IPv4Address(address)))
        said.append(await _says(await provider.connect(name)))
        await provider.destroy(name)
    after = [found.name for found in await provider.list()]
    return {"maker": type(provider).__name__, "old": old, "before": before, "said": said, "after": after}


async def _says(machine: Machine) -> str:
    try:
        return (await machine.run(["cat", "/etc/hostname"])).stdout.decode().strip()
    finally:
        await machine.close()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(ask(Path(sys.argv[1]), *sys.argv[2:4]))))
