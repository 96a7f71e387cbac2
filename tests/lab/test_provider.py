"""What every provider of machines must do, with real machines of the lab."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from outlast.kernel.errors import OutlastError, Unreachable
from outlast.kernel.events import silent
from outlast.machines.nspawn.lab import Lab
from outlast.machines.provider import BuildOrder, Order, Power
from tests.lab.site import HOMES, traces, until

pytestmark = [pytest.mark.lab, pytest.mark.beside, pytest.mark.asyncio(loop_scope="module")]
SITE = "outlast-test-make"
HOME = HOMES / SITE


def new_lab(home: Path = HOME) -> Lab:
    home.mkdir(parents=True, exist_ok=True)
    return Lab(SITE, home, home / ".outlast")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab() -> AsyncIterator[Lab]:
    await new_lab().clear()
    # What a killed run left is sealed with a key that nobody has any more.
    shutil.rmtree(HOME)
    made = new_lab()
    await made.prepare([], silent)
    yield made
    await made.clear()
    shutil.rmtree(HOME)
    assert traces(SITE) == []


async def order(lab: Lab, number: int) -> Order:
    (network,) = await lab.networks(["east"])
    return Order(f"east-app-{number}", "east", network[10 + number])


async def shell(lab: Lab, name: str, script: str) -> str:
    machine = await lab.connect(name)
    try:
        done = await machine.run(["sh", "-e", "-c", script])
        assert done.returncode == 0, done.stderr
        return done.stdout.decode().strip()
    finally:
        await machine.close()


async def test_machines_are_made_side_by_side_and_bear_their_names(lab: Lab) -> None:
    orders = [await order(lab, number) for number in (1, 2, 3)]
    await asyncio.gather(*(lab.create(one) for one in orders))
    found = await lab.list()
    assert [(f.name, f.address, f.power, f.current) for f in found] == [
        (o.name, o.address, Power.ON, True) for o in orders
    ]
    for one in orders:
        assert await shell(lab, one.name, "hostname") == one.name
        assert await shell(lab, one.name, "systemctl is-system-running --wait || true") in ("running", "degraded")


async def test_creating_again_changes_nothing(lab: Lab) -> None:
    before = await shell(lab, "east-app-1", "cat /proc/sys/kernel/random/boot_id /etc/machine-id; stat -c %Y /proc/1")
    await lab.create(await order(lab, 1))
    after = await shell(lab, "east-app-1", "cat /proc/sys/kernel/random/boot_id /etc/machine-id; stat -c %Y /proc/1")
    assert before == after


async def test_put_and_get(lab: Lab, tmp_path: Path) -> None:
    machine = await lab.connect("east-app-1")
    try:
        await machine.put("/srv/deep/folder/file", b"\x00\xffbytes\r\n", mode=0o640)
        assert await machine.get("/srv/deep/folder/file") == b"\x00\xffbytes\r\n"
        assert (await machine.run(["stat", "-c", "%a", "/srv/deep/folder/file"])).stdout.strip() == b"640"
        large = tmp_path / "large"
        large.write_bytes(b"0123456789abcdef" * 500_000)
        await machine.put_file("/srv/large", large)
        assert (await machine.run(["stat", "-c", "%s", "/srv/large"])).stdout.strip() == b"8000000"
        with pytest.raises(FileNotFoundError):
            await machine.get("/srv/nothing")
        assert (await machine.run(["sh", "-c", "cat; exit 7"], stdin=b"in")).returncode == 7
        with pytest.raises(Unreachable):
            await machine.run(["sleep", "30"], limit=0.5)
    finally:
        await machine.close()


async def test_a_cut_machine_is_silent_and_runs_on(lab: Lab) -> None:
    boot = await shell(lab, "east-app-2", "cat /proc/sys/kernel/random/boot_id")
    await lab.cut("east-app-2")
    await lab.cut("east-app-2")
    with pytest.raises(Unreachable):
        await lab.connect("east-app-2", limit=1.0)
    assert {f.name: f.power for f in await lab.list()}["east-app-2"] is Power.ON
    await lab.mend("east-app-2")
    assert await shell(lab, "east-app-2", "cat /proc/sys/kernel/random/boot_id") == boot


async def test_power_off_keeps_the_disk(lab: Lab) -> None:
    await shell(lab, "east-app-2", "echo kept > /srv/kept; sync")
    await lab.power_off("east-app-2")
    assert {f.name: f.power for f in await lab.list()}["east-app-2"] is Power.OFF
    await lab.create(await order(lab, 2))
    assert await shell(lab, "east-app-2", "cat /srv/kept") == "kept"


async def test_destroying_leaves_the_others(lab: Lab) -> None:
    await lab.destroy("east-app-3")
    await lab.destroy("east-app-3")
    assert [found.name for found in await lab.list()] == ["east-app-1", "east-app-2"]
    with pytest.raises(Unreachable):
        await lab.connect("east-app-3")


async def test_two_checkouts_of_one_site_stand_side_by_side(lab: Lab) -> None:
    other_home = HOMES / f"{SITE}-other"
    other = new_lab(other_home)
    await other.clear()
    try:
        await other.prepare([], silent)
        assert await other.networks(["east"]) != await lab.networks(["east"])
        await other.create(await order(other, 1))
        assert [found.name for found in await other.list()] == ["east-app-1"]
    finally:
        await other.clear()
        shutil.rmtree(other_home)
    assert await shell(lab, "east-app-1", "hostname") == "east-app-1"


async def test_a_release_is_built_in_a_clean_machine(lab: Lab, tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "__pycache__").mkdir(parents=True)
    (source / "main.py").write_text("print('hello')\n")
    target = tmp_path / "release.tar.gz"
    built = BuildOrder(
        "web", source, "/srv/outlast/web/abc", "pwd; echo $COLOUR; ls > listing", (("COLOUR", "blue"),), target
    )
    lines = [line async for line in lab.build(built)]
    assert lines == ["/srv/outlast/web/abc", "blue"]
    listing = subprocess.run(["tar", "-xzOf", str(target), "./listing"], capture_output=True, text=True, check=True)
    assert listing.stdout.split() == ["listing", "main.py"]


async def test_a_build_that_fails_shows_its_last_lines(lab: Lab, tmp_path: Path) -> None:
    target = tmp_path / "release.tar.gz"
    script = "echo compiling; echo no such header; exit 4"
    with pytest.raises(OutlastError) as caught:
        async for _ in lab.build(BuildOrder("web", tmp_path, "/srv/outlast/web/abc", script, (), target)):
            pass
    assert caught.value.findings[0].evidence == ("compiling", "no such header")
    assert not target.exists()


async def test_what_a_killed_command_left_is_recognised_and_cleared(lab: Lab) -> None:
    home = HOMES / f"{SITE}-killed"
    killed = new_lab(home)
    await killed.clear()
    # The victim makes three machines and is killed in the middle, at whatever it is doing then.
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, SITE, str(home)])
    until("the victim has begun", lambda: list(Path("/run/netns").glob(f"*{SITE}*-victim-*")), 30)
    victim.kill()
    victim.wait()
    await killed.clear()
    shutil.rmtree(home)
    assert [trace for trace in traces(SITE) if "victim" in trace] == []
    assert await shell(lab, "east-app-1", "hostname") == "east-app-1", "another lab of the same name was touched"


VICTIM = """
import asyncio, sys
from pathlib import Path
from outlast.kernel.events import silent
from outlast.machines.nspawn.lab import Lab
from outlast.machines.provider import Order

async def main():
    lab = Lab(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[2]) / ".outlast")
    await lab.prepare([], silent)
    (network,) = await lab.networks(["east"])
    await asyncio.gather(*(lab.create(Order(f"victim-{n}", "east", network[10 + n])) for n in range(3)))

asyncio.run(main())
"""


async def test_booting_is_quick_enough_to_wait_for(lab: Lab) -> None:
    began = time.monotonic()
    await lab.create(await order(lab, 4))
    # Far above what is measured (about a second): only a boot that waits for something fails here.
    assert time.monotonic() - began < 20
