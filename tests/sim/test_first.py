"""What has to run before anything else changes is started by the landing itself."""

from __future__ import annotations

from pathlib import Path

from outlast.apply.apply import Applier, Edition
from outlast.apply.facts import Pending
from outlast.contract.bundle import Bundle, File, MemberPart, Part, Service
from outlast.contract.unit import Unit
from outlast.kernel.events import silent
from outlast.machines.provider import Order
from outlast.machines.sim.sim import Sim
from tests.sim.site import new_site

ONE, RULES, GUARD, INSTEAD = "east-app-1", "/etc/outlast/rules", "guard.service", "instead.service"
FIRST = {GUARD: INSTEAD}


def bundle(rules: str) -> Bundle:
    """A service that reads rules, and one that takes its place while these change."""
    unit = Unit(description="stands in a test", start="/bin/true").text()
    services = (Service(GUARD, unit, reload_on=(RULES,)), Service(INSTEAD, unit, enabled=False))
    return Bundle(ONE, (MemberPart("", Part(files=(File(RULES, rules),), services=services)),))


async def test_it_is_started_and_where_it_only_reads_anew_the_other_one_is(tmp_path: Path) -> None:
    site = new_site(tmp_path)
    sim: Sim = site.provider()
    (network,) = await sim.networks(["east"])
    await sim.prepare((), silent)
    await sim.create(Order(ONE, "east", network[11]))
    there = await sim.connect(ONE)

    def applier(rules: str) -> Applier:
        return Applier(there, bundle(rules), Edition("s", 1), site.vault())

    assert (await applier("old").land(dry=True, first=FIRST)).begun == {}
    landed = await applier("old").land(first=FIRST)
    assert (set(landed.begun), landed.pending[GUARD], landed.clean) == ({GUARD}, Pending.NONE, False)
    assert (await applier("old").land(first=FIRST)).begun == {}
    landed = await applier("new").land(first=FIRST)
    assert (set(landed.begun), landed.pending[GUARD]) == ({INSTEAD}, Pending.RELOAD)
    await applier("new").activate([GUARD])
    assert (await applier("new").land(first=FIRST)).clean
