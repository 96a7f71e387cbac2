"""The contract of a provider: the same assertions over the simulation and over the lab. That is why the simulation may
be believed. A vendor is asked for what it has words for."""

from __future__ import annotations

import asyncio
import shutil
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from outlast.kernel.errors import OutlastError, Unreachable
from outlast.kernel.events import silent
from outlast.machines.machine import Machine, Result
from outlast.machines.provider import BuildOrder, Fault, Power, Provider
from tests.lab.site import HOMES
from tests.provider.lab import SITE, LabSubject
from tests.provider.sim import SimSubject
from tests.provider.subject import DATACENTER, Subject, order
from tests.provider.vendor import VendorSubject

pytestmark = pytest.mark.asyncio(loop_scope="module")
NAMES = ["east-app-1", "east-app-2", "east-app-3"]
MANY = 400
WHOLE = ("sim", pytest.param("lab", marks=pytest.mark.lab))
whole = pytest.mark.parametrize("subject", WHOLE, indirect=True)
"""For what controllers cannot do: break machines, and build releases."""


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=[*WHOLE, "vendor"])
async def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Subject]:
    """A provider that holds three machines."""
    home = HOMES / SITE if request.param == "lab" else tmp_path_factory.mktemp("sim")
    made = {"sim": SimSubject, "lab": LabSubject, "vendor": VendorSubject}[request.param](home)
    await made.clear()
    # What a killed run left may be sealed with a key that nobody has any more.
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    await made.start()
    provider = await prepared(made)
    await asyncio.gather(*[provider.create(await order(provider, number)) for number in (1, 2, 3)])
    yield made
    await made.clear()
    assert list(made.traces()) == []
    shutil.rmtree(home)


async def prepared(subject: Subject) -> Provider:
    """A provider that may make machines and builds."""
    provider = subject.provider()
    await provider.prepare([], silent)
    return provider


async def run(subject: Subject, name: str, *argv: str) -> Result:
    """One command over a connection of its own."""
    machine = await subject.provider().connect(name)
    try:
        return await machine.run(argv)
    finally:
        await machine.close()


async def with_machine(subject: Subject, name: str = NAMES[0]) -> Machine:
    return await subject.provider().connect(name)


async def powers(subject: Subject) -> dict[str, Power]:
    return {found.name: found.power for found in await subject.provider().list()}


# -- making and removing ----------------------------------------------------------------------------------------


async def test_networks_stay_and_do_not_overlap(subject: Subject) -> None:
    east, west = await subject.provider().networks([DATACENTER, "west"])
    assert not east.overlaps(west)
    assert await subject.provider().networks(["west", DATACENTER]) == (west, east)


async def test_the_list_tells_what_was_ordered(subject: Subject) -> None:
    orders = [await order(subject.provider(), number) for number in (1, 2, 3)]
    found = await subject.provider().list()
    assert [(f.name, f.datacenter, f.address, f.power, f.current) for f in found] == [
        (o.name, o.datacenter, o.address, Power.ON, True) for o in orders
    ]


async def test_creating_what_runs_changes_nothing(subject: Subject) -> None:
    machine = await with_machine(subject)
    await machine.put("/run/in-memory", b"here")
    await machine.put("/srv/on-disk", b"here")
    await subject.provider().create(await order(subject.provider(), 1))
    assert await machine.get("/run/in-memory") == b"here", "it was started again"
    assert await machine.get("/srv/on-disk") == b"here"
    await machine.close()


async def test_removing_twice_and_removing_nothing(subject: Subject) -> None:
    provider = await prepared(subject)
    await provider.create(await order(provider, 4))
    machine = await provider.connect("east-app-4")
    await machine.put("/srv/mark", b"first")
    await machine.close()
    for _ in range(2):
        await provider.destroy("east-app-4")
        assert sorted(await powers(subject)) == NAMES
    await provider.destroy("east-app-99")
    with pytest.raises(Unreachable):
        await provider.connect("east-app-4", limit=1.0)
    await provider.create(await order(provider, 4))
    machine = await provider.connect("east-app-4")
    with pytest.raises(FileNotFoundError):
        await machine.get("/srv/mark")
    await machine.close()
    await provider.destroy("east-app-4")


@whole
async def test_without_power_it_keeps_its_disk_and_forgets_its_memory(subject: Subject) -> None:
    provider, name = subject.provider(), NAMES[1]
    machine = await provider.connect(name)
    await machine.put("/srv/kept", b"kept")
    await machine.put("/run/forgotten", b"forgotten")
    await machine.run(["sync"])
    await provider.power_off(name)
    await provider.power_off(name)
    assert (await powers(subject))[name] is Power.OFF
    with pytest.raises(Unreachable):
        await machine.run(["true"], limit=1.0)
    with pytest.raises(Unreachable):
        await provider.connect(name, limit=1.0)
    await machine.close()
    await provider.create(await order(provider, 2))
    again = await provider.connect(name)
    assert await again.get("/srv/kept") == b"kept"
    with pytest.raises(FileNotFoundError):
        await again.get("/run/forgotten")
    await again.close()


@whole
async def test_a_release_is_built_without_what_tools_made(subject: Subject, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "release.tar.gz"
    (source / "__pycache__").mkdir(parents=True)
    (source / "__pycache__" / "left.pyc").write_bytes(b"\0")
    (source / "main.py").write_text("print('hello')\n")
    (source / "start").write_text("#!/bin/sh\n")
    (source / "start").chmod(0o755)
    wanted = BuildOrder("web", source, "/srv/outlast/web/abc", ":", (), target)
    async for _ in (await prepared(subject)).build(wanted):
        pass
    machine = await with_machine(subject)
    await machine.put_file("/srv/release.tar.gz", target)
    unpack = 'mkdir -p "$2" && tar -xzf "$1" -C "$2" && ls "$2"'
    done = await machine.run(["sh", "-e", "-c", unpack, "unpack", "/srv/release.tar.gz", "/srv/release"])
    assert done.stdout.split() == [b"main.py", b"start"], done
    modes = await machine.run(["stat", "-c", "%a", "/srv/release/main.py", "/srv/release/start"])
    assert [int(mode, 8) & stat.S_IXUSR for mode in modes.stdout.split()] == [0, stat.S_IXUSR]
    await machine.close()
    assert [path.name for path in tmp_path.iterdir() if path.name != "source"] == ["release.tar.gz"]


# -- an open connection -----------------------------------------------------------------------------------------


async def test_run_tells_status_and_both_outputs_and_is_no_shell(subject: Subject) -> None:
    machine = await with_machine(subject)
    done = await machine.run(["sh", "-c", "cat; echo said >&2; exit 7"], stdin=b"in\xff")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"in\xff", b"said\n")
    assert (await machine.run(["echo", "$HOME", "a  b", "*"])).stdout == b"$HOME a  b *\n"
    assert (await machine.run(["outlast-no-such-program"])).returncode == 127
    await machine.close()


async def test_what_takes_too_long_counts_as_no_answer(subject: Subject) -> None:
    machine = await with_machine(subject)
    with pytest.raises(Unreachable, match="answer"):
        await machine.run(["sleep", "30"], limit=0.5)
    assert (await machine.run(["echo", "on"])).stdout == b"on\n", "the connection is of no use any more"
    await machine.close()


async def test_many_calls_at_once(subject: Subject) -> None:
    machine = await with_machine(subject)
    done = await asyncio.gather(*(machine.run(["echo", str(number)]) for number in range(20)))
    assert [int(result.stdout) for result in done] == list(range(20))
    await machine.close()


async def test_put_replaces_a_file_whole_with_its_mode(subject: Subject) -> None:
    machine = await with_machine(subject)
    path = "/srv/deep/folder/a file"
    await machine.put(path, b"old")
    await machine.put(path, b"\x00\xffbytes\r\n", mode=0o600)
    assert await machine.get(path) == b"\x00\xffbytes\r\n"
    assert (await machine.run(["stat", "-c", "%a", path])).stdout == b"600\n"
    assert (await machine.run(["ls", "/srv/deep/folder"])).stdout == b"a file\n", "something was left beside it"
    await machine.close()


async def test_put_file_takes_a_large_one(subject: Subject, tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"0123456789abcdef" * 500_000)
    machine = await with_machine(subject)
    await machine.put_file("/srv/large/file", large, mode=0o640)
    assert (await machine.run(["stat", "-c", "%s %a", "/srv/large/file"])).stdout == b"8000000 640\n"
    assert (await machine.run(["ls", "/srv/large"])).stdout == b"file\n"
    await machine.close()


async def test_get_and_put_say_why_they_cannot(subject: Subject, tmp_path: Path) -> None:
    machine = await with_machine(subject)
    with pytest.raises(FileNotFoundError):
        await machine.get("/srv/nothing")
    with pytest.raises(OutlastError) as unread:
        await machine.get("/srv")
    assert "directory" in unread.value.findings[0].why
    await machine.put("/srv/file", b"")
    (tmp_path / "small").write_bytes(b"small")
    for putting in (machine.put("/srv/file/below", b"x"), machine.put_file("/srv/file/below", tmp_path / "small")):
        with pytest.raises(OutlastError) as unwritten:
            await putting
        assert "cannot be written" in unwritten.value.findings[0].what
    await machine.close()


# -- faults -----------------------------------------------------------------------------------------------------


@whole
async def test_a_cut_machine_is_silent_both_ways_and_runs_on(subject: Subject) -> None:
    provider, (one, two, three) = subject.provider(), NAMES
    machine = await provider.connect(one)
    await machine.put("/run/in-memory", b"here")
    await machine.close()
    assert Fault.CUT in provider.faults
    await provider.cut(one)
    await provider.cut(one)
    with pytest.raises(Unreachable):
        await provider.connect(one, limit=1.0)
    assert (await powers(subject))[one] is Power.ON
    assert await subject.heard(two, three) == 1
    await subject.provider().mend(one)
    machine = await provider.connect(one)
    assert await machine.get("/run/in-memory") == b"here"
    await machine.close()
    assert await subject.heard(one, two) == await subject.heard(two, one) == 1


@whole
async def test_a_partition_parts_the_sets_and_nobody_else(subject: Subject) -> None:
    provider, (one, two, three) = subject.provider(), NAMES
    assert Fault.PARTITION in provider.faults
    await provider.partition([one, two], [three])
    try:
        assert await asyncio.gather(
            *(subject.heard(*pair) for pair in ((one, three), (three, one), (two, three), (three, two)))
        ) == [0, 0, 0, 0]
        assert await asyncio.gather(subject.heard(one, two), subject.heard(two, one)) == [1, 1]
        assert (await run(subject, three, "true")).returncode == 0, "the operator reaches everybody"
        await subject.provider().mend(one)
        assert await asyncio.gather(subject.heard(one, three), subject.heard(three, one)) == [1, 1]
        assert await asyncio.gather(subject.heard(two, three), subject.heard(three, two)) == [0, 0]
    finally:
        await provider.mend(three)
    assert await asyncio.gather(subject.heard(two, three), subject.heard(three, two)) == [1, 1]


@whole
async def test_one_way_is_one_way(subject: Subject) -> None:
    provider, (one, two, three) = subject.provider(), NAMES
    assert Fault.CUT_ONE_WAY in provider.faults
    await provider.cut_one_way([one], [two])
    try:
        assert await asyncio.gather(subject.heard(one, two), subject.heard(two, one)) == [0, 1]
        assert await asyncio.gather(subject.heard(one, three), subject.heard(three, two)) == [1, 1]
    finally:
        await provider.mend(two)
    assert await subject.heard(one, two) == 1


@whole
async def test_loss_takes_its_share(subject: Subject) -> None:
    provider, (one, two, three) = subject.provider(), NAMES
    assert Fault.LOSS in provider.faults
    await provider.lose(one, 0.9)
    await provider.lose(one, 0.5)
    try:
        there, back = await subject.heard(one, two, MANY), await subject.heard(two, one, MANY)
        assert await subject.heard(two, three, MANY) == MANY
    finally:
        await provider.mend(one)
    assert 0 < there < MANY, there
    assert 0 < back < MANY, back
    assert await subject.heard(one, two, MANY) == MANY
    with pytest.raises(ValueError, match="share"):
        await provider.lose(one, 1.5)


@whole
async def test_what_is_not_there_cannot_be_broken(subject: Subject) -> None:
    provider = subject.provider()
    for breaking in (
        provider.cut("east-app-99"),
        provider.partition(NAMES[:1], ["east-app-99"]),
        provider.cut_one_way(["east-app-99"], NAMES[:1]),
        provider.lose("east-app-99", 0.5),
    ):
        with pytest.raises(OutlastError):
            await breaking
    assert await subject.heard(NAMES[0], NAMES[1]) == 1


@whole
async def test_power_mends_nothing_and_removal_mends_all(subject: Subject) -> None:
    provider, (one, two, _) = await prepared(subject), NAMES
    await provider.partition([one], [two])
    await provider.power_off(two)
    await provider.create(await order(provider, 2))
    assert await subject.heard(one, two) == 0, "a fault of the network went with the power"
    await provider.destroy(two)
    await provider.create(await order(provider, 2))
    assert await asyncio.gather(subject.heard(one, two), subject.heard(two, one)) == [1, 1]
