"""Whole sites on simulated machines: first start, nothing to do, changes, losses and partitions."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from outlast.contract.probe import Health
from outlast.contract.registry import discover
from outlast.contract.simulated import plain, simulated
from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.provider import Order
from outlast.machines.sim.sim import Sim
from outlast.status import Status
from tests.lab.site import until
from tests.sim.site import SimSite, models, new_site
from tests.toys import registry

SHOP = "scale: { min: 2 }\n    uses: [database]\n    migrate: migrate"
DATABASE = "database: { engine: mariadb }"


@pytest.fixture
def shop(tmp_path: Path) -> SimSite:
    return new_site(tmp_path, web=SHOP, rest=DATABASE)


def health(status: Status, component: str) -> list[Health]:
    return [member.health for member in status.members if member.component == component]


async def test_a_site_comes_up_healthy_and_then_there_is_nothing_to_do(shop: SimSite) -> None:
    done = await shop.up()
    assert sum("made the machine" in line for line in done) == 7
    status = await shop.status()
    assert status.healthy, [member for member in status.members if member.health is not Health.HEALTHY]
    assert [service.primary for service in status.services if service.name == "database"] == ["east-galera-1"]
    assert all(address.holder == address.home for address in status.floating)
    assert await shop.up() == ()
    assert await shop.drifted() == ()


async def test_every_file_that_was_changed_by_hand_is_put_right(shop: SimSite) -> None:
    await shop.up()
    root = shop.home / ".outlast/sim/machines/east-edge-1/root"
    config = root / "etc/outlast/haproxy/haproxy.cfg"
    config.write_text("garbage")
    (root / "etc/systemd/system/outlast-keepalived.service").unlink()
    assert len(await shop.drifted()) == 4
    assert "east-edge-1: wrote 2 files" in await shop.up()
    assert await shop.up() == ()


async def test_a_lost_machine_is_started_and_a_destroyed_one_made_anew(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider()
    await sim.power_off("east-data-2")
    await sim.destroy("east-app-1")
    status = await shop.status()
    assert not status.healthy
    assert [s.healthy for s in status.services if s.name == "database"] == [True], "two of three serve"
    done = await shop.up()
    assert "east-data-2: started the machine: its power was off" in done
    assert "east-app-1: made the machine" in done
    assert (await shop.status()).healthy
    assert await shop.up() == ()


async def test_a_machine_whose_removal_was_cut_short_is_removed_by_the_next_one(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider()
    # All that is left of a machine that the site no longer asks for: it exists, and has no power.
    await sim.create(Order("east-app-9", "east", IPv4Address("10.9.9.9")))
    await sim.power_off("east-app-9")
    assert await shop.up() == ("east-app-9: removed the machine: the site no longer asks for it",)
    assert await shop.up() == ()


async def test_what_a_dead_command_left_beside_files_and_releases_goes(shop: SimSite) -> None:
    await shop.up()
    root = shop.home / ".outlast/sim/machines/east-app-1/root"
    ledger = root / "var/lib/outlast/.ledger.json.outlast"
    ledger.write_text("half")
    half = root / "srv/outlast/web/0123.unpacking"
    half.mkdir()
    (root / "srv/outlast/web/0123.unpacking.tar.gz.0a1b2c3d").write_text("half")
    (shop.home / "app" / "main.py").write_text("serve = 2\n")
    assert "web: the next ones took over from 2 members" in await shop.up()
    assert not ledger.exists()
    assert [path.name for path in half.parent.iterdir() if "unpacking" in path.name] == []
    assert await shop.up() == ()


async def test_a_machine_keeps_the_release_and_the_one_before_and_gets_an_older_one_again(shop: SimSite) -> None:
    root = shop.home / ".outlast/sim/machines/east-app-1/root"
    folder = root / "srv/outlast/web"
    seen: list[set[str]] = []
    for number in (1, 2, 3, 1, 1):
        (shop.home / "app" / "main.py").write_text(f"serve = {number}\n")
        done = await shop.up()
        seen.append({path.name.removesuffix(".print") for path in folder.iterdir()})
    first, second = seen[0], seen[1] - seen[0]
    third = seen[2] - second
    assert [len(names) for names in seen] == [1, 2, 2, 2, 2]
    assert seen[2:] == [second | third, third | first, third | first]
    assert done == ()
    # What a removal that died leaves is no release.
    (folder / "0123.removed").mkdir()
    assert await shop.up() == ("east-app-1: removed /srv/outlast/web/0123",)
    assert await shop.up() == ()


def awaited(folder: Path) -> bool:
    """Whether somebody waits for the lock of this folder (proc_locks(5))."""
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if " -> " in line]
    return any(fields[6].endswith(f":{folder.stat().st_ino}") for fields in waiting)


async def test_an_unpacking_waits_for_the_one_that_a_killed_command_left_running(shop: SimSite) -> None:
    await shop.up()
    root = shop.home / ".outlast/sim/machines/east-app-1/root"
    (shop.home / "app" / "main.py").write_text("serve = 2\n")
    releases = root / "srv/outlast/web"
    holder = os.open(releases, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    before = set(releases.iterdir())
    again = asyncio.create_task(shop.up())
    await asyncio.to_thread(until, "one waits", lambda: awaited(releases), 20.0)
    done, _ = await asyncio.wait([again], timeout=0.3)
    assert not done
    assert not [path for path in releases.iterdir() if path not in before and path.is_dir()]
    os.close(holder)
    assert "web: the next ones took over from 2 members" in await again
    assert [path.name for path in releases.iterdir() if "unpacking" in path.name] == []


async def test_all_data_machines_without_power_found_the_cluster_anew_from_the_newest(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider(Hasty())
    # The last one to go has committed most: each loss is a change of the members.
    for number in (1, 2, 3):
        await sim.power_off(f"east-data-{number}")
    done = await shop.up(sim)
    founded = [line for line in done if "founds the cluster" in line]
    assert len(founded) == 1
    assert "east-galera-2" in founded[0], "it was in the last primary component, and comes first of those"
    assert (await shop.status()).healthy
    assert await shop.up() == ()


class Hasty:
    """A clock that goes on whenever somebody looks at it: patience of seconds passes at once."""

    def __init__(self) -> None:
        self._now = 4e9

    def __call__(self) -> float:
        self._now += 0.05
        return self._now


@pytest.fixture
def data() -> Iterator[list[str]]:
    yield [f"east-data-{number}" for number in (1, 2, 3)]


async def test_a_partition_leaves_the_majority_serving_and_heals_by_itself(shop: SimSite, data: list[str]) -> None:
    await shop.up()
    sim = shop.provider()
    await sim.partition(data[:1], data[1:])
    status = await shop.status()
    assert health(status, "galera") == [Health.UNHEALTHY, Health.HEALTHY, Health.HEALTHY]
    assert health(status, "etcd") == [Health.UNHEALTHY, Health.HEALTHY, Health.HEALTHY]
    for name in data:
        await sim.mend(name)
    assert (await shop.status()).healthy
    assert await shop.up() == ()


async def test_one_way_is_no_way_for_a_majority(shop: SimSite, data: list[str]) -> None:
    await shop.up()
    sim = shop.provider()
    await sim.cut_one_way(data[2:], data[:2])
    assert health(await shop.status(), "etcd") == [Health.HEALTHY, Health.HEALTHY, Health.UNHEALTHY]


async def test_both_edges_hold_an_address_when_they_cannot_hear_each_other(shop: SimSite) -> None:
    await shop.up()
    await shop.provider().partition(["east-edge-1"], ["east-edge-2"])
    sight = [member.role for member in (await shop.status()).members if member.component == "keepalived"]
    assert all(role.count(".") == 6 for role in sight), sight


async def test_a_component_without_a_model_is_well_while_its_service_runs(tmp_path: Path) -> None:
    own = simulated(registry())
    assert all(component.steward is None and component.model is None for component in own)
    assert own.example("web") == ""
    known = discover()
    assert simulated(known)["galera"] is known["galera"]
    assert plain(known["galera"]).steward is None
    assert tmp_path.is_dir()


async def test_two_lost_disks_of_three_found_the_coordination_anew_from_the_third(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider(Hasty())
    for number in (1, 2):
        await sim.destroy(f"east-data-{number}")
    founded = [line for line in await shop.up(sim) if "east-etcd" in line and "founds the cluster anew" in line]
    assert len(founded) == 1
    assert "east-etcd-1, east-etcd-2 lost their data" in founded[0]
    assert (await shop.status()).healthy
    assert await shop.up() == ()


async def test_nobody_founds_the_coordination_while_who_may_hold_its_data_is_silent(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider(Hasty())
    for number in (1, 2):
        await sim.destroy(f"east-data-{number}")
    await sim.cut("east-data-3")
    with pytest.raises(OutlastError, match="east-data-3"):
        await shop.up(sim)
    assert Health.HEALTHY not in health(await shop.status(), "etcd")
    await sim.mend("east-data-3")
    assert sum("east-etcd" in line and "founds the cluster anew" in line for line in await shop.up(sim)) == 1
    assert (await shop.status()).healthy


class Short(Sim):
    """A provider that has one machine too few."""

    async def create(self, order: Order) -> None:
        if order.name == "east-app-3":
            raise OutlastError(Finding(order.name, "no machines today", "its provider has none left", "ask again"))
        await super().create(order)


async def test_of_those_that_join_one_that_cannot_keeps_no_other_from_serving(tmp_path: Path) -> None:
    small = new_site(tmp_path, web="scale: { min: 2 }\n    migrate: migrate")
    await small.up()
    grown = new_site(tmp_path, web="scale: { min: 4 }\n    migrate: migrate")
    with pytest.raises(OutlastError, match="no machines today"):
        await grown.up(Short("simulated", grown.store.folder, models(grown.registry)))
    health = {member.name: member.health for member in (await grown.status()).members if member.component == "app"}
    assert health["east-web-4"] is Health.HEALTHY
    assert health["east-web-3"] is not Health.HEALTHY
    done = await grown.up()
    assert not [line for line in done if "migrate" in line], "it ran for this release before"
    assert (await grown.status()).healthy
    assert await grown.up() == ()
