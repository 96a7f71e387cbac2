"""What only the lab can get wrong: machines that share what should be apart, and leftovers on the box."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import pytest_asyncio

from outlast.kernel.errors import OutlastError, Unreachable
from outlast.kernel.events import silent
from outlast.machines.nspawn import image, network, process, record
from outlast.machines.nspawn.lab import Lab
from outlast.machines.nspawn.names import Identity
from outlast.machines.provider import BuildOrder, Order, Power
from tests.lab.faults import until_true
from tests.lab.site import HOMES, traces, until

pytestmark = [pytest.mark.lab, pytest.mark.beside, pytest.mark.asyncio(loop_scope="module")]
SITE = "outlast-test-nspawn"
HOME = HOMES / SITE
STATE = HOME / ".outlast"
IDENTITY = Identity(SITE, HOME)
NAMES = ("east-app-1", "east-app-2", "west-app-1")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def lab() -> AsyncIterator[Lab]:
    made = Lab(SITE, HOME, STATE)
    await made.clear()
    # What a killed run left is sealed with a key that was its own.
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    await made.prepare([], silent)
    await asyncio.gather(*[made.create(await order(made, name)) for name in NAMES])
    yield made
    await made.clear()
    shutil.rmtree(HOME)
    assert traces(SITE) == []
    assert left_over() == []


async def networks(lab: Lab) -> dict[str, IPv4Network]:
    east, west = await lab.networks(["east", "west"])
    return {"east": east, "west": west}


async def order(lab: Lab, name: str) -> Order:
    datacenter, _, number = name.split("-")
    return Order(name, datacenter, (await networks(lab))[datacenter][10 + int(number)])


async def shell(lab: Lab, name: str, script: str) -> str:
    machine = await lab.connect(name)
    try:
        done = await machine.run(["bash", "-c", script])
        return done.stdout.decode().strip()
    finally:
        await machine.close()


def left_over() -> list[Path]:
    """Groups and folders of machines that are no more."""
    folders = [Path("/run/systemd/nspawn/propagate"), *Path("/sys/fs/cgroup").glob("**/outlast")]
    return [path for folder in folders for path in folder.glob(f"*{SITE}*")]


async def test_a_service_that_stops_in_one_machine_runs_on_in_the_other(lab: Lab) -> None:
    for name in NAMES[:2]:
        await shell(lab, name, "systemd-run --unit=twin sleep infinity")
    assert await shell(lab, NAMES[0], "systemctl stop twin; systemctl is-active twin") == "inactive"
    assert await shell(lab, NAMES[1], "systemctl is-active twin") == "active"
    groups = await shell(lab, NAMES[0], "ls /sys/fs/cgroup/system.slice")
    assert "twin.service" not in groups, "the groups of both machines are the same"


async def test_daemons_may_do_what_they_need(lab: Lab) -> None:
    needs = {
        "real-time": "chrt -f 10 true",
        "locked memory": "python3 -c 'import ctypes, sys; sys.exit(ctypes.CDLL(None).mlockall(1) != 0)'",
        "addresses": "ip address add 192.0.2.7/32 dev host0",
        "firewall": "nft add table inet trial && nft delete table inet trial",
        "tunnels": "ip tuntap add dev trial0 mode tun && ip link del trial0",
        "no failed unit": 'test -z "$(systemctl --failed --no-legend)"',
    }
    answers = {need: await shell(lab, NAMES[0], f"{test} && echo yes") for need, test in needs.items()}
    assert set(answers.values()) == {"yes"}, answers


async def test_data_centres_reach_each_other(lab: Lab) -> None:
    far = await order(lab, NAMES[2])
    greeting = await shell(lab, NAMES[0], f"exec 3<>/dev/tcp/{far.address}/22; head -c 4 <&3")
    assert greeting == "SSH-"


async def test_a_machine_keeps_its_hardware_address(lab: Lab) -> None:
    before = await shell(lab, NAMES[1], "cat /sys/class/net/host0/address")
    await lab.power_off(NAMES[1])
    await lab.create(await order(lab, NAMES[1]))
    assert await shell(lab, NAMES[1], "cat /sys/class/net/host0/address") == before


async def test_lines_before_a_loss_of_power_can_be_read_after_it(lab: Lab) -> None:
    await shell(lab, NAMES[1], "logger -t trial last words; sleep 0.3; journalctl --sync")
    await lab.power_off(NAMES[1])
    await lab.create(await order(lab, NAMES[1]))
    assert "last words" in await shell(lab, NAMES[1], "journalctl --boot=-1 --no-pager --identifier=trial")


async def test_a_machine_whose_nspawn_died_alone_is_seen_and_ended(lab: Lab) -> None:
    machine = IDENTITY.machine(NAMES[1])
    boot = await shell(lab, NAMES[1], "cat /proc/sys/kernel/random/boot_id")
    os.kill(nspawn_of(machine), signal.SIGKILL)
    until("nspawn is gone", lambda: nspawn_of(machine) == 0, 5)
    assert {found.name: found.power for found in await lab.list()}[NAMES[1]] is Power.ON
    await lab.create(await order(lab, NAMES[1]))
    assert await shell(lab, NAMES[1], "cat /proc/sys/kernel/random/boot_id") == boot
    await lab.power_off(NAMES[1])
    assert process.running(machine) == {}
    await lab.create(await order(lab, NAMES[1]))


def nspawn_of(machine: str) -> int:
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if Path(os.fsdecode(words[0])).name == "systemd-nspawn" and f"--machine={machine}".encode() in words:
            return int(path.name)
    return 0


async def test_lost_keys_come_back_with_the_next_boot(lab: Lab) -> None:
    shutil.move(STATE / "ssh", HOME / "kept")
    with pytest.raises(Unreachable):
        await lab.connect(NAMES[1])
    await lab.power_off(NAMES[1])
    await lab.create(await order(lab, NAMES[1]))
    assert await shell(lab, NAMES[1], "hostname") == NAMES[1]
    # The others still know the old key.
    shutil.rmtree(STATE / "ssh")
    shutil.move(HOME / "kept", STATE / "ssh")
    await lab.power_off(NAMES[1])
    await lab.create(await order(lab, NAMES[1]))


async def test_a_machine_whose_removal_was_interrupted_is_made_anew(lab: Lab) -> None:
    await shell(lab, NAMES[1], "echo old > /srv/old; sync")
    held = record.read(IDENTITY, NAMES[1])
    assert held is not None
    # As a removal that is killed after its first step leaves it: the record says so, all else is there.
    record.write(IDENTITY, record.Record(held.name, held.datacenter, held.address, ""))
    # It lacks no packages: it is made anew because of its record, not refused as outdated.
    assert {found.name: found.current for found in await lab.list()}[NAMES[1]] is True
    await lab.create(await order(lab, NAMES[1]))
    assert await shell(lab, NAMES[1], "ls /srv") == ""


async def test_a_machine_that_is_made_anew_while_it_is_removed_is_whole(lab: Lab) -> None:
    async def is_off() -> bool:
        return process.running(IDENTITY.machine(NAMES[1])) == {}

    files = "test -e /var/lib/mine || ls /etc /usr/bin /usr/lib/systemd | wc -l"
    for _ in range(3):
        await shell(lab, NAMES[1], "touch /var/lib/mine; sync")
        removing = asyncio.create_task(lab.destroy(NAMES[1]))
        await until_true("it is off, as a leader sees it", is_off, 10)
        await lab.create(await order(lab, NAMES[1]))
        await removing
        assert await shell(lab, NAMES[1], files) == await shell(lab, NAMES[0], files) != ""


@pytest.mark.usefixtures("lab")
async def test_a_half_made_bridge_is_made_anew() -> None:
    other = Lab(SITE, HOME / "other", STATE / "other")
    identity = Identity(SITE, HOME / "other")
    await other.clear()
    try:
        await other.prepare([], silent)
        (claimed,) = await other.networks(["east"])
        # As a command leaves it that is killed in the middle.
        for argv in (["netns", "add", identity.switch], ["link", "add", identity.uplink("east"), "type", "bridge"]):
            assert await (await asyncio.create_subprocess_exec("ip", *argv)).wait() == 0
        await other.create(Order("east-app-1", "east", claimed[11]))
        assert await shell(other, "east-app-1", "hostname") == "east-app-1"
    finally:
        await other.clear()


async def test_many_calls_at_once_over_one_connection(lab: Lab) -> None:
    machine = await lab.connect(NAMES[0])
    try:
        done = await asyncio.gather(*(machine.run(["sh", "-c", f"sleep 0.1; echo {n}"]) for n in range(300)))
        assert [int(result.stdout) for result in done] == list(range(300))
        assert (await machine.run(["sh", "-c", "kill -9 $$"])).returncode == -9
    finally:
        await machine.close()


async def test_files_that_cannot_be_written_say_why_and_leave_nothing(lab: Lab, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    machine = await lab.connect(NAMES[0])
    try:
        await machine.run(["mkdir", "-p", "/srv/folder"])
        with pytest.raises(OutlastError, match="/srv/folder cannot be written"):
            await machine.put("/srv/folder", b"x")
        with pytest.raises(OutlastError, match="/proc/file cannot be written"):
            await machine.put_file("/proc/file", source)
        with pytest.raises(OutlastError, match="/srv/folder cannot be read"):
            await machine.get("/srv/folder")
        # Several at once: one of them wins, whole.
        await asyncio.gather(*(machine.put("/srv/same", str(n).encode() * 50_000) for n in range(8)))
        content = await machine.get("/srv/same")
        assert len(content) == 50_000
        assert len(set(content)) == 1
        assert (await machine.run(["ls", "/srv"])).stdout.split() == [b"folder", b"same"]
    finally:
        await machine.close()


async def test_a_command_that_runs_too_long_is_ended(lab: Lab) -> None:
    machine = await lab.connect(NAMES[0])
    try:
        with pytest.raises(Unreachable, match="gives no answer"):
            await machine.run(["sleep", "4242"], limit=0.5)
        await machine.run(["sh", "-c", "for n in $(seq 50); do pgrep -f 'sleep 424[2]' || exit 0; sleep 0.1; done"])
        assert (await machine.run(["pgrep", "-f", "sleep 424[2]"])).returncode == 1
    finally:
        await machine.close()


async def test_a_connection_to_a_cut_machine_is_given_up(lab: Lab) -> None:
    machine = await lab.connect(NAMES[0])
    await lab.cut(NAMES[0])
    try:
        with pytest.raises(Unreachable):
            await machine.run(["true"], limit=20.0)
        await machine.close()
    finally:
        await lab.mend(NAMES[0])


async def test_an_unknown_machine_is_named(lab: Lab) -> None:
    with pytest.raises(Unreachable, match="east-app-9"):
        lab.ssh_command("east-app-9")
    with pytest.raises(OutlastError):
        await lab.cut("east-app-9")
    await lab.power_off("east-app-9")


async def test_a_build_ends_with_whoever_wants_it(lab: Lab, tmp_path: Path) -> None:
    target = tmp_path / "release.tar.gz"
    wanted = BuildOrder("web", tmp_path, "/srv/outlast/web/abc", "echo begun; sleep 4242", (), target)
    lines = lab.build(wanted)
    assert await anext(lines) == "begun"
    await lines.aclose()  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
    assert process.running(IDENTITY.machine("build-web")) == {}
    assert not list((IDENTITY.folder / "builds").glob("*"))
    late = BuildOrder("web", tmp_path, "/srv/outlast/web/abc", "echo begun; sleep 4242", (), target, limit=2.0)
    with pytest.raises(OutlastError) as caught:
        async for _ in lab.build(late):
            pass
    assert caught.value.findings[0].why == "it did not end within 2 s"
    assert list(tmp_path.iterdir()) == []


async def test_a_build_has_what_reaches_the_registries_and_no_more(lab: Lab, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    script = (
        "ls; test -s /etc/ssl/certs/ca-certificates.crt; getent hosts localhost; seq 200000 | tr '\\n' ' '; echo $WORD"
    )
    wanted = BuildOrder(
        "web", tmp_path, "/srv/outlast/web/abc", script, (("WORD", "it's"),), tmp_path / "a" / "release"
    )
    lines = [line async for line in lab.build(wanted)]
    assert lines[0].endswith("localhost")
    assert lines[-1].endswith("200000 it's")
    assert (tmp_path / "a" / "release").exists()


async def test_an_image_that_cannot_be_built_says_why_and_leaves_nothing(lab: Lab) -> None:
    with pytest.raises(OutlastError) as caught:
        await lab.prepare(["no-such-package"], silent)
    assert caught.value.findings[0].why == "E: Unable to locate package no-such-package"
    assert list(image.IMAGES.glob(f"{image.digest(['no-such-package'])}*")) == []


async def test_the_boxs_own_network_is_as_it_was(lab: Lab) -> None:
    assert (await networks(lab)).keys() == {"east", "west"}
    links = {path.name for path in network.INTERFACES.iterdir()}
    assert {IDENTITY.uplink("east"), IDENTITY.uplink("west")} <= links
    assert not {IDENTITY.cable(name) for name in NAMES} & links, "cables end in the lab's own switch"
