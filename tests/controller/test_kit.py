"""What is handed over: all that a controller needs of a site and nothing of the operator's, put there by one rename."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest_asyncio

from outlast.controller.kit import Kit, hand_over, in_use, pack
from outlast.machines.machine import Machine
from tests.sim.site import SimSite, new_site

STATE = "/var/lib/outlast-controller"


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> SimSite:
    made = new_site(tmp_path)
    await made.up()
    (made.home / "site.yaml").write_text(made.text)
    (made.store.folder / "guards").mkdir()
    (made.store.folder / "guards" / "one.json").write_text("{}")
    return made


def kit_of(site: SimSite, environment: str = "") -> Kit:
    store, blueprint = site.store, site.blueprint()
    tars = {artifact.digest: store.release(artifact.name, artifact.digest) for artifact in in_use(blueprint)}
    more = {"vendor/access.json": b"there"}
    return pack(site.home / "site.yaml", environment, store, "the key", blueprint, tars, more)


async def machine_of(site: SimSite) -> Machine:
    return await site.provider().connect("east-data-1")


def test_it_holds_what_up_needs_and_nothing_else(site: SimSite) -> None:
    kit = kit_of(site)
    with tarfile.open(fileobj=io.BytesIO(kit.tar)) as tar:
        names = set(tar.getnames())
        assert all(member.mode == 0o600 for member in tar.getmembers())
    assert {"site.yaml", "vault.key", "digest", ".outlast/blueprint.json", ".outlast/ca.key"} <= names
    assert ".outlast/vendor/access.json" in names
    assert not [name for name in names if "guards" in name or "lock" in name or "sim/" in name]
    assert [name.partition("-")[0] for name in sorted(kit.releases)] == ["controller", "web"]
    assert kit_of(site).digest == kit.digest


async def test_it_is_brought_once_and_a_later_one_takes_its_place(site: SimSite) -> None:
    machine = await machine_of(site)
    first = kit_of(site)
    assert await hand_over(first, [machine]) == ("east-data-1",)
    assert await hand_over(first, [machine]) == ()
    assert (await machine.get(f"{STATE}/kit/digest")).decode().strip() == first.digest
    assert await machine.get(f"{STATE}/kit/site.yaml") == site.text.encode()
    for name, tar in first.releases.items():
        assert await machine.get(f"{STATE}/kit/.outlast/releases/{name}") == tar.read_bytes()
    (site.home / "site.yaml").write_text(f"{site.text}\n# changed\n")
    second = kit_of(site)
    assert second.digest != first.digest
    assert await hand_over(second, [machine], new=True) == ()
    assert await hand_over(second, [machine]) == ("east-data-1",)
    assert (await machine.get(f"{STATE}/kit/site.yaml")).endswith(b"# changed\n")
    # Whoever was reading the one before finds it where it was.
    assert await machine.get(f"{STATE}/kits/{first.digest}/site.yaml") == site.text.encode()


async def test_an_environment_s_is_as_its_folder_and_says_which_it_is(site: SimSite) -> None:
    machine, kit = await machine_of(site), kit_of(site, "staging")
    await hand_over(kit, [machine])
    assert await machine.get(f"{STATE}/kit/environment") == b"staging"
    own = f"{STATE}/kit/.outlast/environments/staging"
    assert await machine.get(f"{own}/blueprint.json") == (site.store.folder / "blueprint.json").read_bytes()
    for name, tar in kit.releases.items():
        assert await machine.get(f"{own}/releases/{name}") == tar.read_bytes()
