"""A leader with a real etcd governs simulated machines: it heals, it grows, and the next one finishes what it began."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from outlast.apply.vault import Vault, now
from outlast.contract.bundle import Bundle
from outlast.contract.secret import Kind, references
from outlast.controller.agreement import Agreement
from outlast.controller.deed import Deeds
from outlast.controller.lease import held, operator
from outlast.controller.post import Post
from outlast.controller.reign import Reign
from outlast.controller.renewal import agree_on_the_time
from outlast.controller.store import STAGE, Stage
from outlast.controller.workspace import Workspace
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Phase, silent
from outlast.machines.machine import Machine
from outlast.machines.provider import Order, Power
from outlast.machines.sim.sim import Sim
from outlast.policy.heal import Remedy
from outlast.policy.memory import Verb
from outlast.policy.size import Resize
from tests.controller.etcd import Server, served, until
from tests.sim.site import SimSite, models, new_site

# Its etcd and its leader are judged by seconds: beside a whole suite at low priority both are late.
pytestmark = pytest.mark.lab
WEB = "scale: { min: 2, max: 4 }\n    uses: [database]"
DATABASE = "database: { engine: mariadb }"
HEALED = 60.0


class Refusing(Sim):
    """A provider that makes no machine."""

    async def create(self, order: Order) -> None:
        raise OutlastError(Finding(order.name, "no machines today", "its provider has none left", "ask again"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with served(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@pytest_asyncio.fixture
async def agreement(server: Server, request: pytest.FixtureRequest) -> AsyncGenerator[Agreement]:
    async with Agreement(str(request.node.name).replace("_", "-"), [server.url], server.credentials) as opened:
        yield opened


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> SimSite:
    site = new_site(tmp_path, web=WEB, rest=DATABASE)
    await site.up()
    return site


def unheard(_why: str) -> None:
    """Nobody listens to what a candidate waits for."""


@asynccontextmanager
async def governed(
    shop: SimSite, agreement: Agreement, sim: Sim, condition: Path, handed: list[Workspace] | None = None
) -> AsyncGenerator[None]:
    """The site under a leader, who takes over what comes to be in `handed`."""
    async with agreement.lead("east-controller-1", unheard) as tenure:
        post = Post("east-controller-1", agreement, condition)
        telling = asyncio.create_task(post.keep_telling())
        later = [] if handed is None else handed
        reign = Reign(shop.workspace(sim), agreement, tenure, post)
        governing = asyncio.create_task(reign.run(lambda: later.pop(0) if later else None))
        try:
            yield
        finally:
            tenure.end()
            await governing
            telling.cancel()


async def said(agreement: Agreement, phase: Phase, text: str) -> bool:
    return any(h.event.phase is phase and text in h.event.text for h in await agreement.events(limit=1000))


async def whole(shop: SimSite, sim: Sim) -> bool:
    return (await shop.status(sim)).healthy


@pytest.mark.parametrize("lost", ["east-app-1", "east-edge-2", "east-data-3"])
async def test_a_machine_without_power_is_started_and_told_of(
    shop: SimSite, agreement: Agreement, tmp_path: Path, lost: str
) -> None:
    sim = shop.provider()
    async with governed(shop, agreement, sim, tmp_path / "condition"):
        await sim.power_off(lost)
        await until("all is there again", lambda: whole(shop, sim), HEALED)
        await until("it is told", lambda: said(agreement, Phase.STARTED, "start, because its power is off"), HEALED)
        await until("its end too", lambda: said(agreement, Phase.DONE, "start helped"), HEALED)


async def test_a_machine_that_is_gone_is_made_anew(shop: SimSite, agreement: Agreement, tmp_path: Path) -> None:
    sim = shop.provider()
    async with governed(shop, agreement, sim, tmp_path / "condition"):
        await sim.destroy("east-data-2")
        await until("all is there again", lambda: whole(shop, sim), HEALED)
    assert {found.name for found in await sim.list()} == set(shop.blueprint().bundle_by_machine)


async def test_it_waits_for_an_operator_at_work(shop: SimSite, agreement: Agreement, tmp_path: Path) -> None:
    sim = shop.provider()
    machines = {name: await sim.connect(name) for name in shop.blueprint().bundle_by_machine}
    async with governed(shop, agreement, sim, tmp_path / "condition"):
        async with held(machines, operator("up"), 5.0, silent):
            await sim.power_off("east-app-1")
            await until("it waits", lambda: said(agreement, Phase.WAITING, "`outlast up`"), HEALED)
            found = {machine.name: machine.power for machine in await sim.list()}
            assert found["east-app-1"] is Power.OFF
        await until("all is there again", lambda: whole(shop, sim), HEALED)


async def test_what_a_leader_began_the_next_one_finishes(shop: SimSite, agreement: Agreement, tmp_path: Path) -> None:
    sim = shop.provider()
    wanted = Resize("east/web", 4, "two more are wanted")
    async with agreement.lead("east-controller-1", unheard) as tenure:
        refusing = Refusing("simulated", shop.store.folder, models(shop.registry))
        deeds = Deeds(
            shop.workspace(refusing), agreement, tenure, Post("east-controller-1", agreement, tmp_path / "one")
        )
        await deeds.adopt()
        # As when it is killed in the middle: what is agreed on is there, the machines are not.
        with pytest.raises(OutlastError, match="no machines today"):
            await deeds.resize([wanted])
        assert await agreed(agreement, 4)
    assert len([found for found in await sim.list() if "app" in found.name]) < 4
    async with governed(shop, agreement, sim, tmp_path / "two"):
        await until("four are there", lambda: has(sim, 4), HEALED)
        await until("it is told", lambda: said(agreement, Phase.DONE, "is in place"), HEALED)


class Dying(Sim):
    """A provider that has made a machine when whoever asked for it is dead: nothing more is done there."""

    async def create(self, order: Order) -> None:
        await super().create(order)
        raise OutlastError(Finding(order.name, "nobody is there any more", "its leader was killed", "elect another"))


async def test_a_machine_that_a_leader_left_empty_is_finished_by_the_next_one(
    shop: SimSite, agreement: Agreement, tmp_path: Path
) -> None:
    sim = shop.provider()
    await sim.destroy("east-app-2")
    async with agreement.lead("east-controller-1", unheard) as tenure:
        dying = Dying("simulated", shop.store.folder, models(shop.registry))
        deeds = Deeds(shop.workspace(dying), agreement, tenure, Post("east-controller-1", agreement, tmp_path / "one"))
        await deeds.adopt()
        with pytest.raises(OutlastError, match="nobody is there"):
            await deeds.remedy(Remedy(Verb.START, "east-app-2", "its provider has no such machine"))
        assert not deeds.finished
    # It is on and answers: for whoever looks at machines only, all is well.
    assert "east-app-2" in {found.name for found in await sim.list() if found.power is Power.ON}
    async with governed(shop, agreement, sim, tmp_path / "two"):
        # Sooner than any member would be found sick and restarted.
        await until("all is there again", lambda: whole(shop, sim), 10.0)
        await until("it is told", lambda: said(agreement, Phase.DONE, "east-app-2: is in place"), HEALED)


async def test_an_intent_that_an_operator_left_begun_is_finished(
    shop: SimSite, agreement: Agreement, tmp_path: Path
) -> None:
    sim = shop.provider()
    workspace = shop.workspace(sim)
    shop.store.keep(workspace.compiler.resized(shop.blueprint(), {("east", "web"): 3}))
    (shop.store.folder / STAGE).write_text(Stage.HALTED)
    async with agreement.lead("east-controller-1", unheard) as tenure:
        deeds = Deeds(workspace, agreement, tenure, Post("east-controller-1", agreement, tmp_path / "one"))
        await deeds.adopt()
        assert deeds.finished, "an operator who was stopped is not gone on for"
    (shop.store.folder / STAGE).write_text(Stage.BEGUN)
    async with governed(shop, agreement, sim, tmp_path / "two"):
        await until("three are there", lambda: has(sim, 3), HEALED)
        await until("it is told", lambda: said(agreement, Phase.DONE, "is in place"), HEALED)


class Counting(Sim):
    """A provider that counts who was connected to."""

    def __init__(self, shop: SimSite) -> None:
        super().__init__("simulated", shop.store.folder, models(shop.registry))
        self.connected = Counter[str]()

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        self.connected[name] += 1
        return await super().connect(name, limit=limit)


async def test_what_is_handed_over_meanwhile_is_gone_on_from_with_all_that_is_heard(
    shop: SimSite, agreement: Agreement, tmp_path: Path
) -> None:
    sim, handed = Counting(shop), list[Workspace]()
    async with governed(shop, agreement, sim, tmp_path / "condition", handed):
        await until("it leads", lambda: said(agreement, Phase.DONE, "leads, with tenure"), HEALED)
        shop.store.keep(shop.workspace(sim).compiler.resized(shop.blueprint(), {("east", "web"): 3}))
        (shop.store.folder / STAGE).write_text(Stage.BEGUN)
        handed.append(shop.workspace(sim))
        await until("three are there", lambda: has(sim, 3), HEALED)
        await until("it is told", lambda: said(agreement, Phase.DONE, "is in place"), HEALED)
        await sim.power_off("east-app-3")
        await until("it looks after what was handed over", lambda: said(agreement, Phase.DONE, "start helped"), HEALED)
    assert sim.connected["east-data-1"] == 1
    leads = [h for h in await agreement.events(limit=1000) if "leads, with tenure" in h.event.text]
    assert len(leads) == 1


async def test_certificates_that_end_soon_are_made_anew(shop: SimSite, agreement: Agreement, tmp_path: Path) -> None:
    sim, vault = shop.provider(), Vault(shop.store.folder, "simulated", now() - timedelta(days=340))
    bundles = shop.blueprint().bundles
    ending = {each.name: each for bundle in bundles for held in bundle.parts for each in held.part.certificates}
    assert len(ending) > 3
    for certificate in ending.values():
        vault.certificates.renew(certificate.name)
        vault.issue(certificate)
    async with agreement.lead("east-controller-1", unheard) as tenure:
        deeds = Deeds(shop.workspace(sim), agreement, tenure, Post("east-controller-1", agreement, tmp_path / "one"))
        await deeds.adopt()
        assert {certificate.name for certificate in deeds.due()} == set(ending)
        await deeds.renew(deeds.due())
        assert deeds.due() == ()
        assert not deeds.finished, "what is on the machines is of before"
        await deeds.finish()
        assert deeds.finished
    kept = {name: vault.certificates.read(name, ".pem") for name in ending}
    texts = [await certificates_on(sim, bundle) for bundle in bundles if bundle.machine.startswith("east-data")]
    assert all(texts)
    assert all(kept[name] in text for held in texts for name, text in held.items())


async def test_only_who_is_ill_when_nobody_else_is_at_work_is_restarted(
    shop: SimSite, agreement: Agreement, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sim, unit = shop.provider(), "outlast-galera.service"
    remedy = Remedy(Verb.RESTART, "east-galera-2", "it is not healthy")
    async with agreement.lead("east-controller-1", unheard) as tenure:
        deeds = Deeds(shop.workspace(sim), agreement, tenure, Post("east-controller-1", agreement, tmp_path / "one"))
        await deeds.adopt()
        await deeds.remedy(remedy)
        assert "east-galera-2: is healthy by now, and left alone" in capsys.readouterr().out
        machine = await sim.connect("east-data-2")
        await machine.run(["systemctl", "stop", unit])
        await deeds.remedy(remedy)
        assert "east-galera-2: restart helped" in capsys.readouterr().out
    assert await whole(shop, sim)


@pytest.mark.parametrize("days", [-1, 1])
async def test_whose_clock_most_machines_do_not_agree_with_makes_no_certificate(shop: SimSite, days: int) -> None:
    sim = shop.provider()
    machines = [await sim.connect(name) for name in shop.blueprint().bundle_by_machine]
    await agree_on_the_time(machines)
    # One that does not answer says nothing, and is not taken for one that agrees.
    await sim.power_off("east-app-1")
    await agree_on_the_time(machines)
    with pytest.raises(OutlastError) as refused:
        await agree_on_the_time(machines, lambda: time.time() + 86400 * days)
    assert refused.value.findings[0].why.startswith(f"0 of {len(machines)} machines")


async def certificates_on(sim: Sim, bundle: Bundle) -> dict[str, str]:
    """The text of the files with the certificates of a machine, by their names."""
    machine = await sim.connect(bundle.machine)
    return {
        reference.name: (await machine.get(file.path)).decode()
        for held in bundle.parts
        for file in held.part.files
        for reference in references(file.content)
        if reference.kind is Kind.CERTIFICATE
    }


async def agreed(agreement: Agreement, members: int) -> bool:
    intent = await agreement.intent()
    return intent is not None and len(intent.blueprint.topology.clusters["east", "web"]) == members


async def has(sim: Sim, members: int) -> bool:
    """So many machines run the app, and both edges send them requests."""
    edges = [await sim.connect(f"east-edge-{number}") for number in (1, 2)]
    configs = [await edge.get("/etc/outlast/haproxy/haproxy.cfg") for edge in edges]
    known = [len(set(re.findall(rb"east-web-\d", config))) for config in configs]
    return known == [members, members] and len([f for f in await sim.list() if "app" in f.name]) == members
