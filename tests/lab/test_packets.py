"""What nftables does to the packets between the network namespaces of three machines that were never booted."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from outlast.machines.nspawn import claims, network, packets, record
from outlast.machines.nspawn.names import Identity
from outlast.machines.provider import Order
from tests.lab.site import HOMES, traces
from tests.provider.lab import RECEIVE, SEND

pytestmark = [pytest.mark.lab, pytest.mark.asyncio(loop_scope="module")]
SITE = "outlast-test-packets"
IDENTITY = Identity(SITE, HOMES / SITE)
MANY = 300
# One of them stands in another data centre.
PLACES = {"one": "east", "two": "east", "far": "west"}


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def addresses() -> AsyncIterator[dict[str, str]]:
    await network.clear(IDENTITY)
    places = sorted(set(PLACES.values()))
    networks = dict(zip(places, await claims.claim(IDENTITY, places), strict=True))
    orders = [Order(name, place, networks[place][10 + n]) for n, (name, place) in enumerate(PLACES.items())]
    for order in orders:
        (IDENTITY.machines / order.name).mkdir(parents=True)
        record.write(IDENTITY, record.Record(order.name, order.datacenter, str(order.address), "never booted"))
        await network.plug(IDENTITY, order)
    yield {order.name: str(order.address) for order in orders}
    await network.clear(IDENTITY)
    shutil.rmtree(IDENTITY.folder)
    await claims.leave()
    assert traces(SITE) == []


class Datagrams:
    """Datagrams between namespaces, on a port of its own for each question."""

    def __init__(self, addresses: dict[str, str], folder: Path) -> None:
        self._addresses, self._folder, self._port = addresses, folder, 41_000

    def heard(self, sender: str, receiver: str, count: int = 1) -> int:
        """How many arrive."""
        self._port += 1
        ready = self._folder / f"listens-{self._port}"
        ear = subprocess.Popen(
            [*self._inside(receiver), RECEIVE, str(self._port), str(count), str(ready)],
            stdout=subprocess.PIPE,
            text=True,
        )
        while not ready.exists():
            assert ear.poll() is None
        subprocess.run(
            [*self._inside(sender), SEND, self._addresses[receiver], str(self._port), str(count)], check=True
        )
        return int(ear.communicate(timeout=20)[0])

    def both(self, one: str, other: str) -> list[int]:
        """There and back."""
        return [self.heard(one, other), self.heard(other, one)]

    def _inside(self, name: str) -> list[str]:
        return ["ip", "netns", "exec", IDENTITY.machine(name), sys.executable, "-c"]


@pytest.fixture
def datagrams(addresses: dict[str, str], tmp_path: Path) -> Datagrams:
    return Datagrams(addresses, tmp_path)


async def test_this_box_can(datagrams: Datagrams) -> None:
    assert packets.usable()
    assert [datagrams.both("one", "two"), datagrams.both("one", "far")] == [[1, 1], [1, 1]]


async def test_a_partition_within_a_data_centre_and_between_two(datagrams: Datagrams) -> None:
    await packets.change(IDENTITY, lambda broken: broken.parted(["one"], ["two", "far"]), "one", "two", "far")
    assert [datagrams.both("one", "two"), datagrams.both("one", "far")] == [[0, 0], [0, 0]]
    assert datagrams.both("two", "far") == [1, 1]
    await packets.change(IDENTITY, lambda broken: broken.mended("two"))
    assert [datagrams.both("one", "two"), datagrams.both("one", "far")] == [[1, 1], [0, 0]]
    await packets.change(IDENTITY, lambda broken: broken.mended("one"))
    assert datagrams.both("one", "far") == [1, 1]


@pytest.mark.parametrize("other", ["two", "far"])
async def test_one_way_is_one_way(datagrams: Datagrams, other: str) -> None:
    await packets.change(IDENTITY, lambda broken: broken.one_way(["one"], [other]), "one", other)
    assert datagrams.both("one", other) == [0, 1]
    await packets.change(IDENTITY, lambda broken: broken.mended(other))
    assert datagrams.both("one", other) == [1, 1]


async def test_loss_takes_about_its_share_each_way(datagrams: Datagrams) -> None:
    await packets.change(IDENTITY, lambda broken: broken.losing("one", 0.3), "one")
    for one, other in (("one", "two"), ("two", "one")):
        heard = datagrams.heard(one, other, MANY)
        # 210 is meant; seven standard deviations (8 each) to both sides.
        assert 150 < heard < 270, heard
    assert datagrams.heard("two", "far", MANY) == MANY
    await packets.change(IDENTITY, lambda broken: broken.mended("one"))
    assert datagrams.heard("one", "two", MANY) == MANY
