"""One machine is brought to the blueprint while others are silent, and a service gets another size."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from outlast.contract.probe import Health
from outlast.controller.lease import operator
from outlast.controller.outcome import Outcome, Terms
from outlast.controller.up import Up
from outlast.kernel.errors import OutlastError
from outlast.kernel.events import silent
from outlast.machines.sim.sim import Sim
from tests.sim.site import SimSite, new_site

WEB = "scale: { min: 2, max: 4 }\n    uses: [database]\n    migrate: migrate"
DATABASE = "database: { engine: mariadb }"


@pytest.fixture
def shop(tmp_path: Path) -> SimSite:
    return new_site(tmp_path, web=WEB, rest=DATABASE)


async def bring(shop: SimSite, sim: Sim, *machines: str) -> Outcome:
    site, blueprint = shop.workspace(sim), shop.blueprint()
    terms = Terms(operator("heal"), only=frozenset(machines))
    builds = site.held_builds(blueprint)
    return await Up(blueprint, site.registry, sim, site.vault, builds, silent, terms).run()


async def test_a_lost_machine_comes_back_although_another_is_silent(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider()
    await sim.power_off("east-app-1")
    await sim.cut("east-data-3")
    outcome = await bring(shop, sim, "east-app-1")
    assert "east-app-1: started the machine: its power was off" in outcome.done
    status = await shop.status(sim)
    assert [m.state for m in status.machines if m.name in ("east-app-1", "east-data-3")] == ["up", "unknown"]
    assert all(member.health is Health.HEALTHY for member in status.members if member.machine == "east-app-1")


async def test_a_lost_member_of_the_database_joins_those_that_answer(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider()
    await sim.destroy("east-data-2")
    await sim.cut("east-app-2")
    await bring(shop, sim, "east-data-2")
    status = await shop.status(sim)
    assert all(member.health is Health.HEALTHY for member in status.members if member.machine == "east-data-2")


async def test_a_one_time_job_that_ran_is_not_run_for_a_machine_made_anew(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider()
    await sim.destroy("east-app-1")
    outcome = await bring(shop, sim, "east-app-1")
    assert not [line for line in outcome.done if "migrate" in line]


async def test_a_service_grows_and_shrinks_and_no_machine_is_left(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider()
    site = shop.workspace(sim)
    for members in (4, 2):
        before = shop.blueprint()
        after = site.compiler.resized(before, {("east", "web"): members})
        assert after.generation == before.generation + 1

        async def keep(after: object = after) -> None:
            shop.store.keep(after)  # type: ignore[arg-type]

        builds = site.held_builds(after)
        await Up(after, site.registry, sim, site.vault, builds, silent, Terms(operator("scale"), keep=keep)).run()
        status = await shop.status(sim)
        assert status.healthy
        assert len([member for member in status.members if member.service == "web"]) == members
        assert len([found for found in await sim.list() if found.name.startswith("east-app")]) == members
        edges = [await sim.connect(f"east-edge-{number}") for number in (1, 2)]
        configs = await asyncio.gather(*(edge.get("/etc/outlast/haproxy/haproxy.cfg") for edge in edges))
        assert all(len(set(re.findall(rb"east-web-\d", config))) == members for config in configs)


async def test_a_size_beyond_the_bounds_is_brought_within_them(shop: SimSite) -> None:
    await shop.up()
    site = shop.workspace(shop.provider())
    after = site.compiler.resized(shop.blueprint(), {("east", "web"): 9})
    assert len(after.topology.clusters["east", "web"]) == 4


async def test_an_older_leader_is_refused_by_the_machines_and_a_newer_one_takes_over_at_once(shop: SimSite) -> None:
    await shop.up()
    sim = shop.provider()
    site, blueprint = shop.workspace(sim), shop.blueprint()
    builds = site.held_builds(blueprint)
    held, release = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        held.set()
        await release.wait()

    def work(tenure: int, terms: Terms) -> Up:
        assert terms.holder is not None and terms.holder.tenure == tenure
        return Up(blueprint, site.registry, sim, site.vault, builds, silent, terms)

    only = frozenset({"east-app-1"})
    old = Terms(operator("controller", tenure=5), only=only, keep=wait)
    task = asyncio.create_task(work(5, old).run())
    await held.wait()
    await work(7, Terms(operator("controller", tenure=7), only=only)).run()
    release.set()
    with pytest.raises(OutlastError, match="refused"):
        await task
    with pytest.raises(OutlastError, match="another controller leads"):
        await work(5, Terms(operator("controller", tenure=5), only=only)).run()
