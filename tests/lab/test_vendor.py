"""The vendor of a lab: controllers have machines made by it from wherever they are, and it cannot be got rid of but by
`down`."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Unreachable
from outlast.kernel.events import silent
from outlast.machines.nspawn import process
from outlast.machines.nspawn.names import Identity
from outlast.machines.provider import Order
from outlast.machines.vendor.hosting import PORT, Stand, host
from outlast.machines.vendor.keys import FOLDER, Vending
from outlast.machines.vendor.line import Line
from outlast.machines.vendor.words import List
from tests.lab.site import ROOT, LabSite, copy_of, traces, until

pytestmark = pytest.mark.lab
SITE = "outlast-test-vend"
MACHINES = 7


@pytest.fixture(scope="module")
def site() -> Iterator[LabSite]:
    site = copy_of("tiny", SITE, governed=True)
    site.run("up", "--yes", limit=600)
    yield site
    site.run("down", "--yes")
    assert traces(SITE) == []


def workspace(site: LabSite) -> Workspace:
    return open_workspace(site.home / "site.yaml")


def network(site: LabSite) -> IPv4Network:
    blueprint = workspace(site).store.blueprint()
    assert blueprint is not None
    return IPv4Network(blueprint.topology.grounds[0].network)


def processes(site: LabSite) -> list[int]:
    """Of the vendor: the one that watches, and the one that serves."""
    name = Identity(SITE, site.home).vendor
    return sorted(process.running(name).get(name, ()))


def handed_over(site: LabSite) -> Path:
    """The folder of the site as a controller has it."""
    there = site.home.with_name(f"{SITE}-there")
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(site.home, there, ignore=shutil.ignore_patterns(FOLDER))
    blueprint = workspace(site).store.blueprint()
    assert blueprint is not None
    files = asyncio.run(workspace(site).host(blueprint))
    assert files is not None
    for name, content in files.items():
        path = there / ".outlast" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    return there


def asked(there: Path, name: str, address: str, *before: str) -> dict[str, object]:
    """What a controller of that folder saw; `before` stands before its command line."""
    argv = [*before, sys.executable, "-m", "tests.lab.asker", str(there), name, address]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_controllers_have_machines_made_from_the_box_and_from_within(site: LabSite) -> None:
    there, net = handed_over(site), network(site)
    seen = asked(there, "east-app-8", str(net[208]))
    names = sorted(machine["name"] for machine in site.status()["machines"])
    assert len(names) == MACHINES
    expected = {"maker": "Vendor", "before": names, "said": ["east-app-8"] * 2, "after": names}
    assert {key: seen[key] for key in expected} == expected
    assert seen["old"] in names

    # A machine as it was made has no firewall yet: what it may call is the controller's to declare.
    asyncio.run(create(site, "east-app-9"))
    space = Identity(SITE, site.home).machine("east-app-9")
    try:
        inside = asked(there, "east-app-8", str(net[208]), "ip", "netns", "exec", space)
        assert inside["said"] == ["east-app-8"] * 2
        assert inside["before"] == inside["after"] == sorted([*names, "east-app-9"])
    finally:
        asyncio.run(site.provider().destroy("east-app-9"))
    shutil.rmtree(there)


async def create(site: LabSite, name: str) -> None:
    blueprint = workspace(site).store.blueprint()
    assert blueprint is not None
    lab = site.provider()
    await lab.prepare(blueprint.packages, silent)
    await lab.create(Order(name, "east", network(site)[209]))


@pytest.mark.parametrize("which", [1, 0], ids=["serves", "watches"])
def test_it_comes_back_whichever_of_its_processes_is_killed(site: LabSite, which: int) -> None:
    before = processes(site)
    assert len(before) == 2
    os.kill(before[which], signal.SIGKILL)

    def is_whole() -> bool:
        now = processes(site)
        return len(now) == 2 and before[which] not in now and answers(site)

    until("both are there again, and it answers", is_whole, 20.0)


def answers(site: LabSite) -> bool:
    """Whether it lists the site's machines now, asked by somebody who starts nothing."""
    keys = stand(site).keys
    public = keys.host().export_public_key().decode().strip()
    line = Line(Vending(addresses=(network(site)[1],), port=PORT, host_key=public), keys.client)

    async def ask() -> int:
        try:
            return len((await line.ask(List(), limit=5.0)).machines)
        except Unreachable:
            return 0
        finally:
            await line.close()

    return asyncio.run(ask()) == MACHINES


def stand(site: LabSite) -> Stand:
    return Stand(SITE, site.home, site.home / ".outlast")


def test_it_is_replaced_when_another_is_wanted_and_otherwise_left_alone(site: LabSite) -> None:
    before = processes(site)
    site.run("up", "--yes")
    assert processes(site) == before
    asyncio.run(host(stand(site), {"east": network(site)}, []))
    assert not set(processes(site)) & set(before)
    between = processes(site)
    site.run("up", "--yes")
    assert not set(processes(site)) & set(between)
    assert answers(site)
    assert [path.name for path in Path(site.home / ".outlast/vendor").glob("*.json")] == ["wanted.json"]
