"""Who takes an address over ends what was open there: the rules of the addresses, on machines never booted."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import pytest
import pytest_asyncio

from outlast.components.keepalived.component import COMPONENT
from outlast.components.keepalived.render import CONFIG, COPIES, RULES, TABLE, TAKEOVER
from outlast.contract.bundle import Part
from outlast.contract.view import Floating, Peer
from outlast.machines.nspawn import claims, network, record
from outlast.machines.nspawn.names import Identity
from outlast.machines.provider import Order
from tests.components.edge_views import content, view
from tests.lab.site import HOMES, traces, until

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]
SITE = "outlast-test-takeover"
IDENTITY = Identity(SITE, HOMES / SITE)
EDGES, CLIENT = ("east-edge-1", "east-edge-2"), "customer"
# An edge that takes what it is asked and never answers.
TAKES = """
import socket, sys
with socket.create_server((sys.argv[1], 443)) as door:
    open(sys.argv[2], "w").close()
    while True:
        with door.accept()[0] as customer:
            while customer.recv(100) not in (b"", b"that is all"): pass
"""
# A customer asks, says that it was heard (nothing of it is under way any more), and waits; what it learns is printed.
WAITS = """
import fcntl, socket, struct, sys, termios, time
with socket.create_connection((sys.argv[1], 443), 5) as edge:
    edge.sendall(sys.argv[2].encode())
    while struct.unpack("i", fcntl.ioctl(edge, termios.TIOCOUTQ, bytes(4)))[0]: time.sleep(0.01)
    print("heard", flush=True)
    edge.settimeout(float(sys.argv[3]))
    try: print("ended" if edge.recv(1) == b"" else "answered")
    except ConnectionResetError: print("reset")
    except TimeoutError: print("silence")
"""


@dataclass(frozen=True)
class Stage:
    """Two edges and a customer; the address is at the first edge."""

    address: str
    name: str
    takeover: str

    def on(self, machine: str, *argv: str, check: bool = True) -> str:
        """What it prints."""
        inside = ["ip", "netns", "exec", IDENTITY.machine(machine), *argv]
        return subprocess.run(inside, check=check, capture_output=True, text=True).stdout

    @contextmanager
    def runs(self, machine: str, *argv: str) -> Generator[subprocess.Popen[str]]:
        inside = ["ip", "netns", "exec", IDENTITY.machine(machine), sys.executable, "-c", *argv]
        process = subprocess.Popen(inside, stdout=subprocess.PIPE, text=True)
        try:
            yield process
        finally:
            process.kill()
            process.communicate()

    def known(self, edge: str) -> int:
        """How many connections this edge knows of at others."""
        listed = json.loads(self.on(edge, "nft", "--json", "list", "set", "ip", TABLE, self.name))
        return len(listed["nftables"][1]["set"].get("elem", []))

    @contextmanager
    def holds(self, edge: str) -> Generator[None]:
        """The address is there, and its customer knows it."""
        self.on(edge, "ip", "address", "add", f"{self.address}/32", "dev", "host0")
        self.on(CLIENT, "ip", "neigh", "flush", "all")
        try:
            yield
        finally:
            self.on(edge, "ip", "address", "delete", f"{self.address}/32", "dev", "host0")

    @contextmanager
    def asked(self, tmp_path: Path, what: str, patience: float) -> Generator[IO[str]]:
        """What a customer of the first edge says, once it was heard."""
        ready = tmp_path / "ready"
        with self.runs(EDGES[0], TAKES, self.address, str(ready)):
            until("the edge listens", ready.exists, 10.0)
            with self.runs(CLIENT, WAITS, self.address, what, str(patience)) as customer:
                assert customer.stdout is not None
                assert customer.stdout.readline() == "heard\n"
                yield customer.stdout

    def takes_over(self, edge: str, *, check: bool = True) -> None:
        self.on(edge, sys.executable, "-c", self.takeover, self.name, self.address, check=check)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    await network.clear(IDENTITY)
    claimed = (await claims.claim(IDENTITY, ["east"]))[0]
    orders = [Order(name, "east", claimed[10 + n]) for n, name in enumerate((*EDGES, CLIENT))]
    for order in orders:
        (IDENTITY.machines / order.name).mkdir(parents=True)
        record.write(IDENTITY, record.Record(order.name, order.datacenter, str(order.address), "never booted"))
        await network.plug(IDENTITY, order)
    peers = tuple(Peer(f"e-{n}", n, order.name, str(order.address)) for n, order in enumerate(orders[:2], 1))
    parts = [render(peer, peers, str(claimed[254])) for peer in peers]
    made = Stage(str(claimed[254]), instance(content(parts[0], CONFIG)), content(parts[0], TAKEOVER))
    rules = tmp_path_factory.mktemp("rules") / "rules.nft"
    for peer, part in zip(peers, parts, strict=True):
        rules.write_text(content(part, RULES) + content(part, COPIES))
        made.on(peer.machine, "nft", "-f", str(rules))
    yield made
    await network.clear(IDENTITY)
    shutil.rmtree(IDENTITY.folder)
    await claims.leave()
    assert traces(SITE) == []


def render(peer: Peer, peers: tuple[Peer, ...], address: str) -> Part:
    seen = view(COMPONENT, "edge", index=peer.index, floating=(Floating(address, EDGES[0]),))
    return COMPONENT.render(replace(seen, member=peer.member, address=peer.address, peers=peers))


def instance(config: str) -> str:
    """The name of its only address."""
    (name,) = re.findall(r"^vrrp_instance (\S+) \{$", config, re.MULTILINE)
    return name


async def test_whoever_waits_for_a_machine_that_vanished_learns_it_from_the_next_one(
    stage: Stage, tmp_path: Path
) -> None:
    first, second = EDGES
    with stage.holds(first), stage.asked(tmp_path, "a request", 20.0) as customer:
        assert (stage.known(first), stage.known(second)) == (0, 1)
        await network.set_cable(IDENTITY, first, "down")
        try:
            with stage.holds(second):
                stage.takes_over(second)
                assert customer.readline() == "reset\n"
                assert stage.known(second) == 0
        finally:
            await network.set_cable(IDENTITY, first, "up")


async def test_nobody_tells_it_but_the_next_one(stage: Stage, tmp_path: Path) -> None:
    first, second = EDGES
    with stage.holds(first), stage.asked(tmp_path, "a request", 2.0) as customer:
        await network.set_cable(IDENTITY, first, "down")
        try:
            with stage.holds(second):
                assert customer.readline() == "silence\n"
        finally:
            await network.set_cable(IDENTITY, first, "up")


async def test_an_address_that_is_gone_again_ends_nothing(stage: Stage, tmp_path: Path) -> None:
    first, second = EDGES
    with stage.holds(first), stage.asked(tmp_path, "a request", 2.0) as customer:
        known = stage.known(second)
        stage.takes_over(second, check=False)
        assert stage.known(second) == known > 0
        assert customer.readline() == "silence\n"


async def test_what_has_ended_is_forgotten(stage: Stage, tmp_path: Path) -> None:
    first, second = EDGES
    with stage.holds(first):
        stage.on(second, "nft", "flush", "set", "ip", TABLE, stage.name)
        with stage.asked(tmp_path, "that is all", 20.0) as customer:
            assert customer.readline() == "ended\n"
        until("it is forgotten", lambda: stage.known(second) == 0, 5.0)
