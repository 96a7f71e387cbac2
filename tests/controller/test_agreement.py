"""What controllers agree on, with a real etcd: one leader at a time, writes of the deposed refused, nothing lost.

It is judged by seconds, which a test in the background does not get: so it runs with the lab's, not beside them.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest
import pytest_asyncio

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Bundle, File, MemberPart, Part
from outlast.controller.agreed import Happening
from outlast.controller.agreement import Agreement, Conflict, Deposed, Entry
from outlast.controller.etcd import ASK_LIMIT, Etcd
from outlast.controller.tenure import SURE, TTL, Tenure
from outlast.kernel.errors import OutlastError, Unreachable
from outlast.kernel.events import Event, Phase
from outlast.topology.topology import Topology
from tests.controller.etcd import Server, served, until

pytestmark = pytest.mark.lab

# A leader of its own process, which can be killed and frozen. Each line that it reads is a value to write.
LEADER = """
import asyncio, sys
from pathlib import Path
from outlast.controller.agreement import Agreement, Deposed
from outlast.controller.etcd import Credentials

async def main(site, url, *files):
    async with Agreement(site, [url], Credentials(*map(Path, files))) as agreement:
        async with agreement.lead("frozen", lambda why: None) as tenure:
            print("leads", flush=True)
            while line := await asyncio.to_thread(sys.stdin.readline):
                try:
                    await agreement.write("memory", line.encode(), tenure)
                    print("written", flush=True)
                except Deposed as error:
                    print(error.findings[0].why, flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with served(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@pytest.fixture
def site(request: pytest.FixtureRequest) -> str:
    """A site for each test: the server is everybody's."""
    return str(request.node.name).replace("_", "-")


@pytest_asyncio.fixture
async def agreement(server: Server, site: str) -> AsyncGenerator[Agreement]:
    async with Agreement(site, [server.url], server.credentials) as opened:
        yield opened


def unheard(_why: str) -> None:
    """Nobody listens to what a candidate waits for."""


async def test_of_two_candidates_one_leads_and_the_other_follows_at_once(agreement: Agreement) -> None:
    waited: list[str] = []
    order: list[tuple[str, int]] = []
    gone = asyncio.Event()

    async def candidate(member: str) -> None:
        async with agreement.lead(member, waited.append) as tenure:
            order.append((await agreement.leader(), tenure.number))
            await gone.wait()

    async with asyncio.TaskGroup() as both:
        both.create_task(candidate("east-controller-1"))
        both.create_task(candidate("east-controller-2"))
        await until("one waits for the other", lambda: _true(bool(order) and f"{order[0][0]} leads" in waited), 5)
        assert len(order) == 1
        began = time.monotonic()
        gone.set()
    assert time.monotonic() - began < TTL / 2
    (first, older), (second, newer) = order
    assert {first, second} == {"east-controller-1", "east-controller-2"}
    assert older < newer
    assert await agreement.leader() == ""


async def test_a_killed_leader_is_followed_when_its_lease_is_over(
    agreement: Agreement, server: Server, site: str
) -> None:
    other = await _other(server, site)
    other.kill()
    await other.wait()
    began = time.monotonic()
    async with agreement.lead("next", unheard):
        assert time.monotonic() - began < TTL + 1
        assert await agreement.leader() == "next"


async def test_a_leader_that_was_frozen_knows_that_its_time_is_over(
    agreement: Agreement, server: Server, site: str
) -> None:
    other = await _other(server, site)
    assert await _tell(other, "while it leads") == "written"
    other.send_signal(signal.SIGSTOP)
    async with agreement.lead("next", unheard):
        other.send_signal(signal.SIGCONT)
        assert await _tell(other, "too late") in ("its lease was not refreshed in time", "next leads by now")
    assert (await agreement.read("memory") or Entry(b"", 0)).value == b"while it leads\n"
    other.kill()
    await other.wait()


async def test_etcd_refuses_a_leader_whose_number_is_old(agreement: Agreement) -> None:
    async with agreement.lead("old", unheard) as old:
        pass
    async with agreement.lead("new", unheard) as new:
        # As sure of itself as one whose clock stood still.
        sure = _sure(old)
        with pytest.raises(Deposed, match=f"tenure {old.number} is over"):
            await agreement.write("memory", b"of the old one", sure)
        assert not sure.holds
        with pytest.raises(Deposed):
            await agreement.append(_happening(1), _sure(old))
        assert await agreement.read("memory") is None
        await agreement.write("memory", b"of the new one", new)
    with pytest.raises(Deposed):
        await agreement.write("memory", b"after its time", new)


async def test_who_writes_by_revision_is_told_of_others(agreement: Agreement) -> None:
    first = await agreement.write("intent", b"one", expected=0)
    with pytest.raises(Conflict, match="somebody else"):
        await agreement.write("intent", b"two", expected=0)
    second = await agreement.write("intent", b"two", expected=first)
    async with agreement.lead("leader", unheard) as tenure:
        with pytest.raises(Conflict):
            await agreement.write("intent", b"three", tenure, expected=first)
        await agreement.write("intent", b"three", tenure, expected=second)
    assert (await agreement.read("intent") or Entry(b"", 0)).value == b"three"


async def test_a_leader_loses_its_office_when_etcd_falls_silent(tmp_path: Path) -> None:
    with served(tmp_path) as own:
        async with Agreement("shop", [own.url], own.credentials) as agreement:
            async with agreement.lead("leader", unheard) as tenure:
                # Longer than a lease lives that nobody refreshes.
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(tenure.lost.wait(), TTL + 1)
                own.freeze()
                began = time.monotonic()
                await asyncio.wait_for(tenure.lost.wait(), TTL)
                assert time.monotonic() - began < SURE + 0.1
                assert not tenure.holds
                with pytest.raises(Unreachable):
                    await agreement.read("memory")
            own.thaw()
            async with agreement.lead("next", unheard) as following:
                assert following.number > tenure.number


async def test_a_leader_whose_key_is_taken_away_learns_it_from_its_lease(agreement: Agreement, server: Server) -> None:
    etcd = Etcd([server.url], server.credentials)
    async with agreement.lead("leader", unheard) as tenure:
        await etcd.revoke(tenure.lease)
        await asyncio.wait_for(tenure.lost.wait(), SURE)
    await etcd.close()


async def test_a_member_that_is_dead_or_silent_is_passed_over(tmp_path: Path, server: Server, site: str) -> None:
    with served(tmp_path) as silent:
        silent.freeze()
        dead = "https://127.0.0.1:1"
        for first in (dead, silent.url):
            async with Agreement(site, [first, server.url], server.credentials) as agreement:
                began = time.monotonic()
                async with agreement.lead("leader", unheard) as tenure:
                    await agreement.write("memory", b"heard", tenure)
                assert time.monotonic() - began < 2 * ASK_LIMIT
        async with Agreement(site, [dead, silent.url], server.credentials) as agreement:
            with pytest.raises(Unreachable) as caught:
                await agreement.read("memory")
        evidence = caught.value.findings[0].evidence
        assert [line.partition(": ")[0] for line in evidence] == [dead, silent.url]


async def test_events_are_in_order_and_the_oldest_are_forgotten(
    agreement: Agreement, server: Server, site: str
) -> None:
    few = Agreement(site, [server.url], server.credentials, kept_events=5)
    async with few, agreement.lead("leader", unheard) as tenure:
        numbers = [(await few.append(_happening(n), tenure)).number for n in range(1, 8)]
        assert numbers == [1, 2, 3, 4, 5, 6, 7]
        # Another one, an operator's, has not seen any of them.
        assert (await agreement.append(_happening(8))).number == 8
        assert (await few.append(_happening(9), tenure)).number == 9
        found = await agreement.events()
        assert [(each.number, each.at) for each in found] == [(n, float(n)) for n in range(5, 10)]
        assert [each.number for each in await agreement.events(after=6, limit=2)] == [7, 8]
        await asyncio.gather(*(agreement.append(_happening(n)) for n in range(3)))
        assert [each.number for each in await agreement.events(after=9)] == [10, 11, 12]


async def test_a_blueprint_of_a_megabyte_survives(agreement: Agreement) -> None:
    assert await agreement.intent() is None
    blueprint = _blueprint(1_000_000)
    async with agreement.lead("leader", unheard) as tenure:
        revision = await agreement.intend(blueprint, tenure, expected=0)
    intent = await agreement.intent()
    assert intent and (intent.blueprint, intent.revision) == (blueprint, revision)
    with pytest.raises(OutlastError, match="too large"):
        await agreement.intend(_blueprint(3_000_000), expected=revision)


def _sure(old: Tenure) -> Tenure:
    return Tenure(old.member, old.number, old.lease, asyncio.get_running_loop().time())


def _blueprint(size: int) -> Blueprint:
    """Of about so many bytes, and half of it what no compression makes smaller."""
    text = random.Random(1).randbytes(size // 2).hex()
    bundle = Bundle("east-app-1", (MemberPart("", Part((File("/etc/large", text),))),))
    return Blueprint(1, 0, Topology("shop", "shop.test", (), (), (), ()), (bundle,), (), ())


def _happening(number: int) -> Happening:
    return Happening(float(number), "east-controller-1", Event("east-app-1", Phase.DONE, f"started it, {number}"))


async def _true(value: bool) -> bool:
    return value


async def _other(server: Server, site: str) -> asyncio.subprocess.Process:
    """A leader of its own process."""
    files = (server.credentials.authority, server.credentials.certificate, server.credentials.key)
    argv = [sys.executable, "-c", LEADER, site, server.url, *map(str, files)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*argv, stdin=pipe, stdout=pipe)
    assert await _line(process) == "leads"
    return process


async def _tell(process: asyncio.subprocess.Process, value: str) -> str:
    assert process.stdin is not None
    process.stdin.write(f"{value}\n".encode())
    return await _line(process)


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
