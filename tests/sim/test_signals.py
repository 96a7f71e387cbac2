"""From what simulated machines tell of an app to the blueprint with more of its members."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from outlast.contract.slot import Slot
from outlast.controller.beat import GROUPS, Rhythm
from outlast.controller.listening import listenings
from outlast.controller.outline import outline, scalings
from outlast.controller.senses import Patience, Senses
from outlast.controller.workspace import Workspace
from outlast.machines.machine import Machine
from outlast.policy.decide import decide
from outlast.policy.memory import Memory
from outlast.policy.size import Resize
from outlast.topology.sizes import metrics
from tests.sim.site import new_site

RHYTHM = Rhythm(period=0.05, probe=0.2, limit=2.0, metric=0.1)
PATIENCE = Patience(connect=0.2, again=0.05, most=0.1, provider=0.05, answer=0.5, silent=0.5, others=0.1, greet=0.2)
LIMIT = 20.0
USED = f"{GROUPS}/system.slice/outlast-app-web-a.service/cpu.stat"


async def until_resized(workspace: Workspace, turn: Callable[[], Awaitable[None]]) -> Resize:
    """What is decided first, with something done before each look."""
    site, registry = workspace.site, workspace.registry
    blueprint, memory = workspace.store.blueprint(), Memory()
    assert blueprint is not None
    shape, wanted = outline(blueprint, registry), scalings(site, registry, datetime.now(UTC))
    asked = metrics(site, registry)
    senses = Senses(blueprint, registry, workspace.provider, rhythm=RHYTHM, patience=PATIENCE, metrics=asked)
    async with senses.listening() as ears:
        async with asyncio.timeout(LIMIT):
            while True:
                await turn()
                decision = decide(ears.observation(), shape, wanted, memory)
                memory = decision.memory
                if decision.resizes:
                    return decision.resizes[0]
                await asyncio.sleep(RHYTHM.period)


async def test_members_that_show_more_of_a_figure_get_help_and_unknown_is_none(tmp_path: Path) -> None:
    metric = "metric: { name: jobs_waiting, per_member: 50 }"
    site = new_site(tmp_path, web=f"scale: {{ min: 2, max: 6, {metric} }}")
    await site.up()
    workspace = site.workspace(site.provider())
    machines = [await workspace.provider.connect(f"east-app-{number}") for number in (1, 2)]
    looks = 0

    async def show() -> None:
        nonlocal looks
        looks += 1
        # At first it shows nothing at all, and nothing follows from that.
        if looks == 40:
            for machine in machines:
                await machine.put("/run/shown", b'jobs_waiting{queue="mail"} 100\njobs_waiting{queue="art"} 10\n')

    resize = await until_resized(workspace, show)
    assert looks > 40
    assert resize.service == "east/web"
    assert resize.members in (3, 5)
    assert resize.because == "jobs_waiting 220, and each should have 50"


async def test_a_figure_is_asked_for_in_the_slot_that_serves(tmp_path: Path) -> None:
    site = new_site(tmp_path, web="scale: { metric: { name: jobs_waiting, per_member: 50 } }")
    await site.up()
    workspace, blueprint = site.workspace(site.provider()), site.blueprint()
    member = blueprint.topology.member_by_name["east-web-1"]
    asked = metrics(workspace.site, site.registry)
    ports: list[int] = []
    for slot in Slot:
        bundles = tuple(
            replace(
                bundle, parts=tuple(replace(h, part=replace(h.part, slot=h.part.slot and slot)) for h in bundle.parts)
            )
            for bundle in blueprint.bundles
        )
        listened = listenings(replace(blueprint, bundles=bundles), site.registry, RHYTHM, asked)
        assert all(
            set(json.loads(each.request)["metrics"]) <= {"east-web-1", "east-web-2"} for each in listened.values()
        )
        ports.append(json.loads(listened[member.machine].request)["metrics"][member.name]["port"])
    assert ports == [dict(member.ports)[name] for name in ("http-backend", "http-backend-b")]


async def test_members_that_use_their_processors_up_get_help(tmp_path: Path) -> None:
    site = new_site(tmp_path, web="scale: { min: 2, max: 4, processor: 50% }")
    await site.up()
    workspace = site.workspace(site.provider())
    machines: list[Machine] = [await workspace.provider.connect(f"east-app-{number}") for number in (1, 2)]
    began = time.monotonic()

    async def work() -> None:
        worked = 0.9 * len(os.sched_getaffinity(0)) * (time.monotonic() - began)
        for machine in machines:
            await machine.put(USED, f"usage_usec {worked * 1e6:.0f}\n".encode())

    resize = await until_resized(workspace, work)
    # How many depends on how evenly this computer gave both a turn.
    assert resize.service == "east/web"
    assert resize.members in (3, 4)
    assert resize.because.startswith("processor ")
    assert resize.because.endswith(" of 50 %")
    after = workspace.compiler.resized(site.blueprint(), {("east", "web"): resize.members})
    assert len(after.topology.clusters["east", "web"]) == resize.members
