"""A release is brought to a machine whole, or not at all."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from outlast.apply.apply import Applier, Edition
from outlast.contract.bundle import Artifact, Bundle
from outlast.kernel.errors import OutlastError
from outlast.kernel.events import silent
from outlast.machines.machine import Machine
from outlast.machines.provider import Order
from outlast.machines.sim.sim import Sim
from tests.sim.site import new_site

ONE = "east-app-1"
RELEASE = Artifact("web", "0123456789ab", "/srv/outlast/web/0123456789ab")


async def machine(folder: Path) -> tuple[Machine, Applier]:
    """A new machine, and who brings releases to it."""
    site = new_site(folder)
    sim: Sim = site.provider()
    (network,) = await sim.networks(["east"])
    await sim.prepare((), silent)
    await sim.create(Order(ONE, "east", network[11]))
    there = await sim.connect(ONE)
    return there, Applier(there, Bundle(ONE, ()), Edition("s", 1), site.vault())


async def beside(there: Machine) -> list[str]:
    """What lies where the app's releases are."""
    return (await there.run(["ls", "-A", "/srv/outlast/web"])).stdout.decode().split()


def packed(folder: Path, text: str) -> Path:
    """A release with this text."""
    (folder / "serve.py").write_text(text)
    with tarfile.open(folder / "web.tar.gz", "w:gz") as tar:
        tar.add(folder / "serve.py", "serve.py")
    return folder / "web.tar.gz"


@pytest.mark.parametrize("serves", [True, False])
async def test_a_release_replaces_the_one_that_was_there(tmp_path: Path, serves: bool) -> None:
    there, applier = await machine(tmp_path)
    for text in ("serve = 1\n", "serve = 2\n"):
        await applier.unpack(RELEASE, packed(tmp_path, text), serves=serves)
        assert await there.get(f"{RELEASE.path}/serve.py") == text.encode()
        assert await beside(there) == [RELEASE.digest]


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
async def test_what_ends_too_early_replaces_nothing_and_goes_with_the_next_one(tmp_path: Path, share: float) -> None:
    there, applier = await machine(tmp_path)
    await applier.unpack(RELEASE, packed(tmp_path, "serve = 1\n"))
    whole = packed(tmp_path, "serve = 2\n")
    half = tmp_path / "half"
    half.write_bytes(whole.read_bytes()[: int(share * whole.stat().st_size)])
    with pytest.raises(OutlastError, match="could not be unpacked"):
        await applier.unpack(RELEASE, half)
    assert await there.get(f"{RELEASE.path}/serve.py") == b"serve = 1\n"
    assert len(await beside(there)) == 2
    await applier.unpack(RELEASE, whole)
    assert await there.get(f"{RELEASE.path}/serve.py") == b"serve = 2\n"
    assert await beside(there) == [RELEASE.digest]
