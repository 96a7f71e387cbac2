"""A release is brought to a machine, also beside what a killed command left running there."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from outlast.apply.apply import Applier, Edition
from outlast.contract.bundle import Artifact, Bundle
from outlast.kernel.errors import OutlastError
from outlast.kernel.events import silent
from outlast.machines.provider import Order
from outlast.machines.sim.machine import SimMachine
from outlast.machines.sim.sim import Sim
from tests.sim.site import new_site

ONE = "east-app-1"
RELEASE = Artifact("web", "0123456789ab", "/srv/outlast/web/0123456789ab")


class Beset:
    """A machine on which the unpacking of a killed command wakes up just after a file came, so many `times`, and takes
    it for a leftover."""

    def __init__(self, machine: SimMachine, times: int) -> None:
        self._machine = machine
        self._times = times

    def __getattr__(self, name: str) -> object:
        return getattr(self._machine, name)

    async def put_file(self, path: str, source: Path, *, mode: int = 0o644) -> None:
        await self._machine.put_file(path, source, mode=mode)
        self._times -= 1
        if self._times >= 0:
            await self._machine.run(["rm", path])


async def unpacked(folder: Path, times: int) -> Mapping[str, bytes]:
    """The files of the release on the machine, after it was brought there."""
    site = new_site(folder)
    sim: Sim = site.provider()
    (network,) = await sim.networks(["east"])
    await sim.prepare((), silent)
    await sim.create(Order(ONE, "east", network[11]))
    (folder / "serve.py").write_text("serve = 1\n")
    with tarfile.open(folder / "web.tar.gz", "w:gz") as tar:
        tar.add(folder / "serve.py", "serve.py")
    machine = await sim.connect(ONE)
    assert isinstance(machine, SimMachine)
    applier = Applier(Beset(machine, times), Bundle(ONE, ()), Edition("s", 1), site.vault())  # pyright: ignore[reportArgumentType]
    await applier.unpack(RELEASE, folder / "web.tar.gz")
    listed = await machine.run(["ls", "-A", "/srv/outlast/web"])
    return {"serve.py": await machine.get(f"{RELEASE.path}/serve.py"), "beside": listed.stdout}


@pytest.mark.parametrize("times", [0, 1, 2])
async def test_what_was_taken_for_a_leftover_is_brought_again(tmp_path: Path, times: int) -> None:
    found = await unpacked(tmp_path, times)
    assert found["serve.py"] == b"serve = 1\n"
    assert found["beside"].split() == [RELEASE.digest.encode()]


async def test_it_is_not_brought_for_ever(tmp_path: Path) -> None:
    with pytest.raises(OutlastError, match="could not be unpacked"):
        await unpacked(tmp_path, 9)
