"""Whoever waits for a site to be whole, while somebody else makes another one of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from outlast.blueprint.blueprint import Blueprint
from outlast.proof.look import Watch
from tests.sim.site import SimSite, new_site

THREE, TWO = "scale: { min: 3 }", "scale: { min: 2 }"


@pytest.mark.asyncio
async def test_nobody_waits_for_what_was_taken_away_on_purpose(tmp_path: Path) -> None:
    site = new_site(tmp_path, web=THREE)
    await site.up()
    before = site.blueprint()
    smaller = new_site(tmp_path, web=TWO)
    await smaller.up()
    assert await watch(smaller, before).healthy(0.0) is None

    async def newer() -> Blueprint:
        return smaller.blueprint()

    follows = replace(watch(smaller, before), newer=newer)
    assert await follows.healthy(10.0) is not None
    assert follows.blueprint == smaller.blueprint()


def watch(site: SimSite, blueprint: Blueprint) -> Watch:
    return Watch(blueprint, site.registry, site.provider(), site.vault())
