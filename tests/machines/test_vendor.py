"""The vendor: who is let in, what is refused, and what askers are told when it is silent or lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio

from outlast.kernel.errors import OutlastError, Unreachable
from outlast.kernel.events import silent
from outlast.machines.nspawn.operator import Operator, new_key
from outlast.machines.provider import BuildOrder, Order, Power
from outlast.machines.sim.sim import Sim
from outlast.machines.vendor.doors import Direct
from outlast.machines.vendor.keys import ACCESS, FOLDER, Keys, Vending, vending_in
from outlast.machines.vendor.line import Line
from outlast.machines.vendor.server import CONNECTIONS
from outlast.machines.vendor.service import Service
from outlast.machines.vendor.words import COMMAND, REQUEST_LIMIT, Answer, Create, Destroy, Hello, List, Listed
from outlast.seal.seal import Seal
from tests.provider.subject import order
from tests.provider.vendor import LOOPBACK, PACKAGES, VendorSubject

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest_asyncio.fixture
async def subject(tmp_path: Path) -> AsyncIterator[VendorSubject]:
    made = VendorSubject(tmp_path)
    await made.start()
    yield made
    await made.clear()


async def refused(asking: object) -> str:
    """What a finding says of why something is refused."""
    with pytest.raises(OutlastError) as caught:
        await asking  # pyright: ignore[reportGeneralTypeIssues]
    assert not isinstance(caught.value, Unreachable)
    return caught.value.findings[0].why


# -- who is let in ----------------------------------------------------------------------------------------------


async def test_another_key_is_not_let_in(subject: VendorSubject) -> None:
    assert subject.vending is not None
    with pytest.raises(Unreachable) as caught:
        await Line(subject.vending, new_key).ask(Hello())
    assert caught.value.findings[0].what == "the vendor does not let us in"
    assert (await subject.line().ask(Hello())).edition == "contract"


async def test_another_vendor_is_told_nothing(subject: VendorSubject) -> None:
    assert subject.vending is not None
    other = new_key().export_public_key().decode().strip()
    with pytest.raises(Unreachable) as caught:
        await Line(subject.vending.model_copy(update={"host_key": other}), subject.keys.client).ask(Hello())
    assert caught.value.findings[0].what == "its host key is not the one that was handed over"


@asynccontextmanager
async def session(subject: VendorSubject) -> AsyncGenerator[asyncssh.SSHClientConnection]:
    """A connection of somebody who has the key and wants more than machines."""
    assert subject.vending is not None
    async with asyncssh.connect(
        "127.0.0.1", subject.vending.port, client_keys=[subject.keys.client()], known_hosts=None, config=None
    ) as connection:
        yield connection


async def test_whoever_opens_too_many_connections_keeps_no_other_out(subject: VendorSubject) -> None:
    assert subject.vending is not None
    port = subject.vending.port
    opened = [
        await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0)) for _ in range(CONNECTIONS + 1)
    ]
    greetings = await asyncio.gather(*(reader.read(3) for reader, _ in opened))
    assert greetings.count(b"SSH") == CONNECTIONS
    assert (await subject.line().ask(Hello())).edition == "contract"
    for _, writer in opened:
        writer.close()


async def test_it_is_no_shell_and_forwards_nothing(subject: VendorSubject) -> None:
    async with session(subject) as connection:
        for command in ("sh", "vendor list", None):
            done = await connection.run(command, input="")
            answer = Answer.model_validate_json(str(done.stdout))
            assert answer.findings[0].why == f"the only command here is `{COMMAND}`"
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.start_sftp_client()
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.create_connection(asyncssh.SSHTCPSession[bytes], "127.0.0.1", 22)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 22)


@pytest.mark.parametrize(
    "request_",
    [
        " ",
        "[]",
        '{"verb": "clear"}',
        '{"verb": "cut", "name": "east-app-1"}',
        '{"verb": "destroy", "name": "../../etc"}',
        '{"verb": "destroy", "name": "east-app-1", "force": true}',
        '{"verb": "networks", "datacenters": ["-rf"]}',
        '{"verb": "create", "name": "east-app-1", "datacenter": "east", "address": "10.0.0.9", "packages": ["--x"]}',
        " " * (REQUEST_LIMIT + 1),
    ],
)
async def test_what_is_no_request_is_a_finding(subject: VendorSubject, request_: str) -> None:
    async with session(subject) as connection:
        done = await connection.run(COMMAND, input=request_)
        answer = Answer.model_validate_json(str(done.stdout))
        assert answer.findings[0].what == "the vendor does not know this request"
    assert await subject.provider().list() == ()


# -- what is made -----------------------------------------------------------------------------------------------


async def test_only_machines_of_the_site_are_made(subject: VendorSubject) -> None:
    vendor = subject.provider()
    await vendor.prepare(["haproxy"], silent)
    east, west = await vendor.networks(["east", "west"])
    first = Order("east-app-1", "east", east[10])
    await vendor.create(first)
    for wrong, why in (
        (Order("vendor", "east", east[11]), "machines are called after their data centre, which is east"),
        (Order("west-app-1", "east", east[11]), "machines are called after their data centre, which is east"),
        (Order("east-app-2", "east", west[11]), f"{east[3]} to {east[-2]} are the addresses for machines"),
        (Order("east-app-2", "east", east[1]), f"{east[3]} to {east[-2]} are the addresses for machines"),
        (Order("east-app-2", "east", east[10]), "east-app-1 has it"),
        (Order("north-app-1", "north", east[11]), "the site has no such data centre"),
    ):
        assert await refused(vendor.create(wrong)) == why
    assert "which is east or west" in await refused(vendor.destroy("vendor"))
    assert await refused(vendor.networks(["east", "north"])) == "the site has no such data centre"
    await vendor.prepare([*PACKAGES, "nginx"], silent)
    assert await refused(vendor.create(first)) == "the vendor was started before the site needed nginx"
    assert [found.name for found in await vendor.list()] == ["east-app-1"]


async def test_requests_at_once_and_repeated_do_no_harm(subject: VendorSubject) -> None:
    vendor = subject.provider()
    orders = [await order(vendor, number) for number in (1, 2, 3)]
    await asyncio.gather(*(vendor.create(wanted) for wanted in [*orders, *orders, *orders]))
    assert [(f.name, f.power) for f in await vendor.list()] == [(o.name, Power.ON) for o in orders]
    await asyncio.gather(*(vendor.destroy(orders[0].name) for _ in range(3)), vendor.list())
    assert len(await vendor.list()) == 2


async def test_what_was_begun_is_finished_when_its_asker_is_gone(tmp_path: Path) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    class Slow(Sim):
        async def create(self, order: Order) -> None:
            begun.set()
            await may_end.wait()
            await super().create(order)

    sim = Slow("contract", tmp_path, {})
    (east,) = await sim.networks(["east"])
    service = Service(sim, {"east": east}, [], dict, "")
    wanted = Create(name="east-app-1", datacenter="east", address=east[10], packages=())
    first = asyncio.create_task(service.answer(wanted))
    await begun.wait()
    first.cancel()
    # The second waits for its turn, and finds the machine made.
    second = asyncio.create_task(service.answer(wanted))
    may_end.set()
    assert [machine.power for machine in (await second).machines] == [Power.ON]
    assert first.cancelled()


async def test_a_fault_of_the_provider_is_told_and_the_next_one_is_served(tmp_path: Path) -> None:
    class Broken(Sim):
        async def destroy(self, name: str) -> None:
            raise OSError(f"no {name}")

    sim = Broken("contract", tmp_path, {})
    (east,) = await sim.networks(["east"])
    service = Service(sim, {"east": east}, [], dict, "one")
    (finding,) = (await service.answer(Destroy(name="east-app-1"))).findings
    assert (finding.where, finding.why) == ("east-app-1", "OSError: no east-app-1")
    assert (await service.answer(Hello())).edition == "one"


async def test_a_controller_breaks_and_builds_and_removes_nothing(subject: VendorSubject, tmp_path: Path) -> None:
    vendor, name = subject.provider(), "east-app-1"
    await vendor.create(await order(vendor, 1))
    assert vendor.faults == frozenset()
    for breaking in (
        vendor.cut(name),
        vendor.partition([name], ["east-app-2"]),
        vendor.cut_one_way([name], ["east-app-2"]),
        vendor.lose(name, 0.5),
        vendor.mend(name),
    ):
        assert "controllers break nothing" in await refused(breaking)
    assert "never removes it" in await refused(vendor.clear())
    wanted = BuildOrder("web", tmp_path, "/srv/outlast/web/abc", ":", (), tmp_path / "release")
    assert "the releases that `up` built" in await refused(anext(vendor.build(wanted)))
    assert [found.power for found in await vendor.list()] == [Power.ON]


async def test_a_machine_that_nobody_hears_is_cycled(subject: VendorSubject) -> None:
    vendor = subject.provider()
    wanted = await order(vendor, 1)
    await vendor.create(wanted)
    await vendor.power_off(wanted.name)
    assert [found.power for found in await vendor.list()] == [Power.OFF]
    await vendor.create(wanted)
    assert [found.power for found in await vendor.list()] == [Power.ON]


# -- when it is silent or lies ----------------------------------------------------------------------------------


async def test_a_killed_vendor_is_silent_within_the_limit_and_found_again(subject: VendorSubject) -> None:
    vendor = subject.provider()
    await vendor.create(await order(vendor, 1))
    assert subject.vending is not None
    port, loop = subject.vending.port, asyncio.get_running_loop()
    await subject.stop()
    began = loop.time()
    with pytest.raises(Unreachable) as caught:
        await vendor.list()
    assert loop.time() - began < 4
    assert caught.value.findings[0].what == "the vendor gives no answer"
    await (await vendor.connect("east-app-1")).close()
    await subject.start(port)
    assert [found.name for found in await vendor.list()] == ["east-app-1"]


async def test_one_that_never_answers_is_waited_for_no_longer_than_the_limit(subject: VendorSubject) -> None:
    loop = asyncio.get_running_loop()
    silence = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    assert subject.vending is not None
    deaf = subject.vending.model_copy(update={"port": silence.sockets[0].getsockname()[1]})
    began = loop.time()
    with pytest.raises(Unreachable) as caught:
        await Line(deaf, subject.keys.client).ask(List(), limit=0.5)
    assert loop.time() - began < 2
    assert caught.value.findings[0].why == "no answer to `list` within 0.5 s"
    silence.close()


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"hello",
        b'{"machines": "none"}',
        b'{"machines": [{"name": "../x", "datacenter": "b", "address": "10.0.0.9", "power": "on", "current": true}]}',
        b'{"machines": [{"name": "a", "datacenter": "b", "address": "10.0.0.9", "power": "on", "current": true,'
        b' "host_key": "ssh-ed25519 AAAA\\n10.0.0.7 ssh-ed25519 AAAA"}]}',
        b'{"surprise": 1}',
    ],
)
async def test_an_answer_that_cannot_be_used_is_a_finding(subject: VendorSubject, said: bytes) -> None:
    async def lie(process: asyncssh.SSHServerProcess[bytes]) -> None:
        process.stdout.write(said)
        process.exit(0)

    keys = subject.keys
    liar = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[keys.host()],
        authorized_client_keys=asyncssh.import_authorized_keys(keys.client().export_public_key().decode()),
        process_factory=lie,
        encoding=None,
    )
    assert subject.vending is not None
    line = Line(subject.vending.model_copy(update={"port": liar.get_port()}), keys.client)
    with pytest.raises(OutlastError) as caught:
        await line.ask(List())
    assert caught.value.findings[0].what == "the vendor's answer cannot be used"
    await line.close()
    liar.close()


# -- what is handed over ----------------------------------------------------------------------------------------


def test_what_is_handed_over_leads_a_controller_to_the_vendor(tmp_path: Path) -> None:
    at_home, there = tmp_path / "home", tmp_path / "there"
    keys = Keys(at_home, Seal(at_home, "shop"))
    keys.ensure()
    vending = Vending(addresses=(LOOPBACK,), port=8470, host_key=KEY)
    assert vending_in(at_home) is None
    for name, content in keys.handed_over(vending).items():
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(content)
        assert b"PRIVATE" not in content
    (there / "vault.json").write_bytes((at_home / "vault.json").read_bytes())
    assert vending_in(there) == vending
    handed = Keys(there, Seal(there, "shop"))
    assert handed.client().export_public_key() == keys.client().export_public_key()
    with pytest.raises(OutlastError, match="the vendor's key is not there"):
        handed.host()
    (there / FOLDER / ACCESS).write_text("{}")
    with pytest.raises(OutlastError, match="what was handed over cannot be read"):
        vending_in(there)


def test_machines_are_reached_by_what_is_known_of_them(tmp_path: Path) -> None:
    operator = Operator(tmp_path / "ssh", Seal(tmp_path, "shop"))
    doors = Direct(operator, tmp_path / "vendor/known_hosts", {"east-app-1": IPv4Address("10.100.0.9")})
    assert (doors.login("east-app-1").address, doors.login("east-app-1").known_hosts) == (
        IPv4Address("10.100.0.9"),
        operator.known_hosts,
    )
    moved = Listed(
        name="east-app-1", datacenter="east", address=IPv4Address("10.100.0.10"), power=Power.ON, current=True
    )
    doors.learn([moved])
    assert doors.login("east-app-1").address == moved.address
    assert doors.login("east-app-1").known_hosts == operator.known_hosts
    doors.add(moved.model_copy(update={"host_key": KEY}))
    assert doors.login("east-app-1").known_hosts.read_text() == f"10.100.0.10 {KEY}\n"
    doors.forget("east-app-1")
    with pytest.raises(Unreachable, match="gives no answer"):
        doors.login("east-app-1")
