"""Lands the files of a site on machines that are up, and nothing else: Outlast's side of `bench.ansible`.

`python -m bench.landing HOME`: every file and unit of every bundle of the site in the folder HOME, over connections of
its own. A process of its own, so that its start, its imports and the reading of the site count as they do for others.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from outlast.apply.apply import Applier, edition
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Bundle, MemberPart
from outlast.controller.workspace import Workspace, open_workspace


def main() -> None:
    """Land once on every machine."""
    asyncio.run(land(Path(sys.argv[1])))


async def land(home: Path) -> None:
    """Land every bundle of the site in `home`, all machines at once."""
    workspace, blueprint = await opened(home)
    await asyncio.gather(*(_land(workspace, blueprint, name) for name in blueprint.bundle_by_machine))


async def opened(home: Path) -> tuple[Workspace, Blueprint]:
    """The site and its blueprint, without releases: they are not files of the bundles."""
    workspace = open_workspace(home / "site.yaml")
    blueprint, _ = workspace.compiler.compile(await workspace.grounds())
    return workspace, replace(blueprint, bundles=tuple(map(_without_releases, blueprint.bundles)))


async def _land(workspace: Workspace, blueprint: Blueprint, name: str) -> None:
    machine = await workspace.provider.connect(name)
    try:
        bundle = blueprint.bundle_by_machine[name]
        await Applier(machine, bundle, edition(blueprint), workspace.vault).land()
    finally:
        await machine.close()


def _without_releases(bundle: Bundle) -> Bundle:
    return Bundle(bundle.machine, tuple(MemberPart(p.member, replace(p.part, artifacts=())) for p in bundle.parts))


if __name__ == "__main__":
    main()
