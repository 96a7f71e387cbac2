"""A real site under its controllers: what is lost comes back by itself, and nobody who asks for a page notices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from outlast.machines.provider import Power
from tests.lab.site import LabSite, copy_of, traces, until

pytestmark = pytest.mark.lab
SITE = "outlast-test-heal"
LIMIT = 120.0


@pytest.fixture(scope="module")
def shop() -> Iterator[LabSite]:
    site = copy_of("shop", SITE, governed=True)
    site.run("up", "--yes", limit=600)
    until("somebody leads", lambda: leader(site), 30)
    yield site
    site.run("down", "--yes")
    assert traces(SITE) == []


def leader(site: LabSite) -> str:
    """The member that leads; empty: nobody does."""
    members = site.status()["members"]
    return next((m["name"] for m in members if m["component"] == "controller" and m["role"] == "leader"), "")


def events(site: LabSite) -> list[dict[str, Any]]:
    return json.loads(site.run("events", "--json", "--last", "500").stdout)["events"]


def told(site: LabSite, *words: str) -> bool:
    return any(all(word in each["event"]["text"] for word in words) for each in events(site))


def whole(site: LabSite) -> bool:
    return bool(site.status()["healthy"])


def lose(site: LabSite, machine: str) -> None:
    asyncio.run(site.provider().power_off(machine))


@pytest.mark.parametrize("machine", ["east-app-1", "east-edge-2", "east-data-3"])
def test_a_lost_machine_is_back_by_itself(shop: LabSite, machine: str) -> None:
    lose(shop, machine)
    until(f"{machine} is seen as gone", lambda: not whole(shop), LIMIT)
    until("all is there again", lambda: whole(shop), LIMIT)
    assert any(each["event"]["text"].startswith(f"{machine}: start") for each in events(shop))


def test_a_machine_that_is_gone_with_its_disk_is_made_anew(shop: LabSite) -> None:
    provider = shop.provider()
    asyncio.run(provider.destroy("east-data-2"))
    until("it is seen as gone", lambda: not whole(shop), LIMIT)
    until("all is there again", lambda: whole(shop), LIMIT)


def test_the_leader_is_lost_and_another_one_heals(shop: LabSite) -> None:
    first = leader(shop)
    home = next(m["machine"] for m in shop.status()["members"] if m["name"] == first)
    lose(shop, home)
    until("it is seen as gone", lambda: not whole(shop), LIMIT)
    until("all is there again", lambda: whole(shop), LIMIT)
    assert leader(shop) != first


def test_an_app_grows_and_shrinks_by_a_word_and_up_keeps_it(shop: LabSite) -> None:
    shop.run("scale", "web", "3")
    assert machines(shop) == 3
    # Neither `up` nor a controller takes back what was asked for: its load was not low for long enough.
    assert "nothing to change" in shop.run("up", "--yes").stdout
    assert machines(shop) == 3
    shop.run("scale", "web", "2")
    assert machines(shop) == 2
    assert shop.run("scale", "web", "99", expect=2).returncode == 2


def machines(site: LabSite) -> int:
    found = asyncio.run(site.provider().list())
    return len([each for each in found if "-app-" in each.name and each.power is Power.ON])
