"""Faults in the lab: each is seen to hold, and goes away by itself although the tool that inflicted it was killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import pytest_asyncio

from outlast.controller.store import Store
from outlast.machines.provider import Power
from tests.lab.faults import Case, Ward, guardians, holds, kill, orphans, tool
from tests.lab.site import OUTLAST, LabSite, copy_of, traces, until

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]
SITE = "outlast-test-chaos"
HEALTH = 9306
STATE = "SHOW STATUS LIKE 'wsrep_local_state_comment'"
ONE, TWO, THREE = "east-data-1", "east-data-2", "east-data-3"


@pytest.fixture(scope="module")
def site() -> Iterator[LabSite]:
    site = copy_of("shop", SITE)
    site.run("up", "--yes", limit=600)
    yield site
    # With a fault that holds, and a guardian that would switch a machine on again.
    holds(left := tool(site, "power-off", "east-app-2", seconds=600))
    kill(left)
    assert len(guardians(SITE)) == 1
    site.run("down", "--yes")
    until("the guardian notices that the site is gone", lambda: not guardians(SITE), 3)
    assert traces(SITE) == []


def chaos(site: LabSite, verb: str, *words: str, expect: int = 0) -> str:
    """Run one verb of `outlast chaos` and answer all that it says."""
    command = [str(OUTLAST), "chaos", verb, "-f", str(site.home / "site.yaml"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == expect, done
    return done.stdout + done.stderr


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def ward(site: LabSite) -> AsyncIterator[Ward]:
    blueprint = Store(site.home / ".outlast").blueprint()
    assert blueprint is not None
    ward = Ward(site, site.provider(), blueprint)
    yield ward
    await ward.close()


def nothing_left(kind: str, *machines: str) -> Case:
    """A case that is whole when no unit and no table of its kind is left; it holds when there is one everywhere."""

    async def found(ward: Ward) -> list[bool]:
        mark = kind.replace("-", "_")
        return [any(mark in name.replace("-", "_") for name in await ward.faults(machine)) for machine in machines]

    async def held(ward: Ward) -> bool:
        return all(await found(ward))

    async def whole(ward: Ward) -> bool:
        return not any(await found(ward))

    return Case((), held, whole)


def unseen(words: tuple[str, ...], one: str, other: str, port: int = HEALTH) -> Case:
    """A fault by which one machine no longer sees another one's port."""
    left = nothing_left(words[0], one)

    async def held(ward: Ward) -> bool:
        return await ward.sees(one, other, port) == "silent"

    async def whole(ward: Ward) -> bool:
        return await left.whole(ward) and await ward.sees(one, other, port) == "open"

    return Case(words, held, whole)


def killed(member: str, machine: str, unit: str) -> Case:
    pids: list[str] = []

    async def began(ward: Ward) -> bool:
        """Not before its first process is known."""
        pids.append(await ward.property(machine, unit, "MainPID"))
        return pids[0] != pids[-1]

    async def whole(ward: Ward) -> bool:
        return await ward.property(machine, unit, "MainPID") not in (pids[0], "0")

    async def held(_ward: Ward) -> bool:
        return True

    return Case(("kill", member), held, whole, began=began)


def paused(member: str, machine: str, unit: str) -> Case:
    async def states(ward: Ward) -> set[str]:
        group = await ward.property(machine, unit, "ControlGroup")
        script = f"ps -o state= -p $(paste -sd, /sys/fs/cgroup{group}/cgroup.procs)"
        return set((await ward.said(machine, "sh", "-c", script)).split())

    async def held(ward: Ward) -> bool:
        return await states(ward) == {"T"}

    async def whole(ward: Ward) -> bool:
        return "T" not in await states(ward)

    return Case(("pause", member), held, whole)


def hogged(words: tuple[str, ...], machine: str, script: str, least: int) -> Case:
    """A hog; `script` prints how much of it there is, at least `least` while it holds."""
    left = nothing_left(words[0], machine)

    async def held(ward: Ward) -> bool:
        unit = next(name for name in await ward.faults(machine) if words[0] in name)
        group = await ward.property(machine, unit, "ControlGroup")
        return int(await ward.said(machine, "sh", "-c", script, "sh", f"/sys/fs/cgroup{group}/cgroup.procs")) >= least

    return Case(words, held, left.whole)


def statement(member: str, machine: str, kind: str, ask: str, held_as: str, whole_as: str, late: float = 3.0) -> Case:
    """A fault of the database, as the member itself tells of it."""

    async def answer(ward: Ward) -> str:
        script = f'mariadb -NB --connect-timeout=2 -e "{ask}" 2>&1 | cut -f2 || true'
        return await ward.said(machine, "sh", "-c", script)

    async def held(ward: Ward) -> bool:
        return held_as in await answer(ward)

    async def whole(ward: Ward) -> bool:
        return whole_as in await answer(ward)

    return Case((kind, member), held, whole, late)


def powered(kind: str, machine: str) -> Case:
    async def is_off(ward: Ward) -> bool:
        return await ward.power(machine) is Power.OFF

    async def whole(ward: Ward) -> bool:
        return not await is_off(ward) and await ward.answers(machine)

    async def held(_ward: Ward) -> bool:
        return True

    # Killed as soon as the power is gone: the tool knows nothing of it yet.
    return Case((kind, machine), held, whole, began=is_off)


async def rebooted(ward: Ward, machine: str) -> Case:
    """It is over as soon as it holds: the machine is up, and its systemd another one than before."""

    async def boot(ward: Ward) -> str:
        found = await ward.provider.connect(machine)
        done = await found.run(["systemctl", "show", "--property=UserspaceTimestampMonotonic", "--value"])
        await found.close()
        return done.stdout.decode().strip()

    before = await boot(ward)

    async def held(ward: Ward) -> bool:
        return await boot(ward) != before

    return Case(("reboot", machine), held, held)


async def test_processes_and_hogs_and_the_database(ward: Ward) -> None:
    await orphans(
        ward,
        killed("east-web-1", "east-app-1", "outlast-app-web-a.service"),
        paused("east-web-2", "east-app-2", "outlast-app-web-a.service"),
        hogged(("processor", "east-app-2"), "east-app-2", 'wc -l < "$1"', 8),
        hogged(("memory", "east-edge-2"), "east-edge-2", 'ps -o rss= -p "$(cat "$1")"', 256 * 1024),
        statement("east-galera-2", TWO, "galera-desync", "SELECT '', @@wsrep_desync", "1", "0"),
        statement("east-galera-3", THREE, "galera-full-copy", STATE, "ERROR", "Synced", late=30.0),
    )


async def test_two_faults_of_the_network_on_one_machine(ward: Ward) -> None:
    port = next(number for _, number in ward.blueprint.topology.member_by_name["east-web-1"].ports)
    half_open = unseen(("one-way", ONE, "--from", THREE), THREE, ONE)

    async def one_way(ward: Ward) -> bool:
        # What it is asked arrives; what it answers does not.
        asked, arrived = await asyncio.gather(
            half_open.held(ward),
            ward.said(
                ONE,
                "timeout",
                "2",
                "sh",
                "-c",
                f"until ss -Htn state syn-recv | grep {ward.address(THREE)}; do :; done",
            ),
        )
        return asked and bool(arrived)

    await orphans(
        ward,
        unseen(("loss", "east-edge-2", "--set", "share=1"), "east-edge-2", "east-app-1", port),
        unseen(("partition", ONE, "--from", TWO), ONE, TWO),
        Case(half_open.words, one_way, half_open.whole),
    )


async def test_a_machine_that_nobody_sees_and_others_without_power(ward: Ward) -> None:
    await orphans(
        ward,
        unseen(("isolate", TWO), THREE, TWO),
        powered("power-off", "east-app-2"),
        await rebooted(ward, "east-app-1"),
    )


async def test_what_this_lab_cannot_take_is_said(ward: Ward) -> None:
    said = chaos(ward.site, "run", "disk", "east-galera-1", "--force", expect=1)
    assert "overlay" in said
    assert "not this machine's own" in said
    # Whether the kernel has netem, only the machine knows.
    slow = await ward.said(ONE, "sh", "-c", "unshare --net tc qdisc add dev lo root netem delay 1ms && echo can")
    said = chaos(ward.site, "run", "latency", ONE, "--for", "1s", "--force", expect=0 if slow else 1)
    assert "held for" in said or "no netem" in said
    assert await ward.faults(ONE) == []


FILL = """
import os, socket, subprocess, sys
hog, folder = sys.argv[1:]
ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
ear.bind(f"{folder}/notify")
process = subprocess.Popen([sys.executable, hog, "disk", folder, "4"], env={"NOTIFY_SOCKET": f"{folder}/notify"})
ear.settimeout(10)
assert ear.recv(20) == b"READY=1"
free = lambda: os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize // 1024**2
held = free()
process.kill()
process.wait()
sys.stdout.write(f"{held} {free()}")
"""


async def test_a_disk_is_full_and_free_again_however_its_hog_ends(tmp_path: Path) -> None:
    script = 'mount -t tmpfs -o size=64m none "$1" && exec "$2" -c "$3" "$4" "$1"'
    hog = files("outlast.proof.faults").joinpath("hog.py")
    argv = ["unshare", "--mount", "sh", "-c", script, "sh", str(tmp_path), sys.executable, FILL, str(hog)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.split() == ["4", "64"], done


async def test_off_takes_back_everything_and_lets_nothing_begin(ward: Ward) -> None:
    site = ward.site
    left = [
        tool(site, *words, seconds=600)
        for words in (("isolate", ONE), ("pause", "east-web-2"), ("power-off", "east-app-1"))
    ]
    for process in left:
        await asyncio.to_thread(holds, process)
        kill(process)
    healed = json.loads(chaos(site, "off", "--json"))["healed"]
    assert sorted(name.rpartition("-")[0] for name in healed) == ["isolate", "pause", "power-off"]
    assert await ward.faults(ONE) == []
    assert await ward.answers("east-app-1")
    until("the guardian ends", lambda: not guardians(SITE), 3)
    refused = chaos(site, "run", "pause", "east-web-2", expect=1)
    assert "outlast chaos on" in refused
    # Also by the machine itself, when somebody else's folder knows nothing of it.
    (site.home / ".outlast" / "chaos-off").unlink()
    assert "it takes no faults" in chaos(site, "run", "pause", "east-web-2", "--force", expect=1)
    chaos(site, "on")
    assert "held for" in chaos(site, "run", "pause", "east-web-2", "--for", "1s", "--force")


async def test_ctrl_c_takes_it_back_at_once(ward: Ward) -> None:
    process = tool(ward.site, "pause", "east-web-2", seconds=600)
    await asyncio.to_thread(holds, process)
    process.send_signal(signal.SIGINT)
    assert await asyncio.to_thread(process.wait, 10) == 130
    kill(process)
    assert await ward.faults("east-app-2") == []
