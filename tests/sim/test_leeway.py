"""What an operator says of a size lies in the blueprint: it is kept by whatever follows, and a leader goes by it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from outlast.blueprint.blueprint import dump, parse
from outlast.controller.outline import scalings
from outlast.topology.leeway import Leeway
from tests.sim.site import SimSite, new_site

WEB = "scale: { min: 2, max: 8 }"
CONTROLLED = "database: { engine: mariadb }"
LEEWAY = Leeway("web", 3, 6)


async def started(home: Path, rest: str = CONTROLLED) -> SimSite:
    site = new_site(home, web=WEB, rest=rest)
    await site.up()
    return site


async def test_a_leeway_is_kept_by_whatever_follows_until_it_is_taken_back(tmp_path: Path) -> None:
    site = await started(tmp_path)
    before, workspace = site.blueprint(), site.workspace(site.provider())
    after = workspace.compiler.resized(before, {("east", "web"): 3}, (LEEWAY,))
    assert (after.generation, after.leeways) == (before.generation + 1, (LEEWAY,))
    assert parse(dump(after), "a test") == after
    # A leader that grows it, and an operator who runs `up` with the same file.
    grown = workspace.compiler.resized(after, {("east", "web"): 5})
    assert grown.leeways == (LEEWAY,)
    site.store.keep(grown)
    again, _ = workspace.compiler.compile(grown.topology.grounds)
    assert again is grown or again == grown
    free = workspace.compiler.resized(grown, {}, ())
    assert (free.leeways, len(free.topology.clusters["east", "web"])) == ((), 5)


async def test_a_leader_goes_by_it(tmp_path: Path) -> None:
    site = await started(tmp_path)
    workspace = site.workspace(site.provider())
    now = scalings(workspace.site, workspace.registry, datetime.now(UTC), (LEEWAY,))["east/web"]
    assert (now.least, now.most) == (3, 6)


async def test_a_leeway_alone_changes_nothing_on_machines_and_without_one_digests_stay(tmp_path: Path) -> None:
    site = await started(tmp_path)
    before, workspace = site.blueprint(), site.workspace(site.provider())
    after = workspace.compiler.resized(before, {}, (Leeway("web", 2, 4),))
    assert after.digest != before.digest
    assert after.bundles == before.bundles
    assert workspace.compiler.resized(before, {}) is before
    assert workspace.compiler.resized(before, {}, ()) is before


async def test_where_nobody_sizes_anything_no_leeway_is_kept(tmp_path: Path) -> None:
    site = await started(tmp_path, rest="controller: { members: 0 }")
    workspace = site.workspace(site.provider())
    assert workspace.compiler.followed == frozenset()
    assert workspace.compiler.resized(site.blueprint(), {}, (LEEWAY,)).leeways == ()
