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
# Once a leader is killed: until the next one has finished what it was doing. A lease of a dead operator ends by itself.
KILLED, LEASE = 60.0, 20.0


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


def told(site: LabSite) -> int:
    """The number of what was told last."""
    return max((each["number"] for each in events(site)), default=0)


def since(site: LabSite, number: int, *words: str) -> list[str]:
    """What was told after that number, with all of these words."""
    later = [each["event"]["text"] for each in events(site) if each["number"] > number]
    return [text for text in later if all(word in text for word in words)]


def whole(site: LabSite) -> bool:
    return bool(site.status()["healthy"])


def there(site: LabSite) -> set[str]:
    return {found.name for found in asyncio.run(site.provider().list())}


def wanted(site: LabSite) -> set[str]:
    return {machine["name"] for machine in site.status()["machines"]}


def grown(site: LabSite, members: int) -> bool:
    """So many members of the app, and all is well."""
    status = site.status()
    return status["healthy"] and len([m for m in status["members"] if m["name"].startswith("east-web-")]) == members


def kill_leader(site: LabSite) -> None:
    first = leader(site)
    home = next(m["machine"] for m in site.status()["members"] if m["name"] == first)
    site.run("exec", home, "--", "systemctl", "kill", "--signal=KILL", "outlast-controller")


def killed(site: LabSite, machine: str, *arguments: str) -> None:
    """A command that is killed as soon as it makes this machine."""
    operator = site.start(*arguments)
    try:
        until(f"{machine} is made", lambda: machine in there(site), LIMIT)
    finally:
        operator.kill()
        operator.communicate()


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


def test_the_leader_is_killed_in_the_middle_and_the_next_one_finishes(shop: LabSite) -> None:
    before = told(shop)
    asyncio.run(shop.provider().destroy("east-app-2"))
    until("it begins", lambda: since(shop, before, "east-app-2: start", "no such machine"), LIMIT)
    kill_leader(shop)
    until("all is there again", lambda: whole(shop), KILLED)
    assert there(shop) == wanted(shop)
    # It was made once: by the leader that was killed, who may not have told, or by the next one.
    assert len(since(shop, before, "east-app-2: made the machine")) <= 1


def test_scale_and_then_the_leader_are_killed_and_the_next_one_finishes(shop: LabSite) -> None:
    before = told(shop)
    killed(shop, "east-app-3", "scale", "web", "4")
    until("a leader goes on", lambda: since(shop, before, "is finished"), LEASE + KILLED)
    kill_leader(shop)
    until("all is there", lambda: grown(shop, 4), KILLED)
    assert there(shop) == wanted(shop)
    shop.run("scale", "web", "2")
    assert machines(shop) == 2


def test_up_is_killed_and_the_leader_finishes(shop: LabSite) -> None:
    shop.edit("min: 2, max: 8", "min: 3, max: 8")
    killed(shop, "east-app-3", "up", "--yes")
    until("all is there", lambda: grown(shop, 3), LEASE + KILLED)
    assert there(shop) == wanted(shop)
    assert "nothing to change" in shop.run("up", "--yes").stdout


def test_the_leader_is_killed_during_up_which_ends_as_ever(shop: LabSite) -> None:
    shop.edit("min: 3, max: 8", "min: 4, max: 8")
    operator = shop.start("up", "--yes")
    until("it makes a machine", lambda: "east-app-4" in there(shop), LIMIT)
    kill_leader(shop)
    assert operator.wait(LIMIT) == 0
    until("all is there", lambda: grown(shop, 4), KILLED)
    assert there(shop) == wanted(shop)
    shop.edit("min: 4, max: 8", "min: 2, max: 8")
    shop.run("up", "--yes")
    shop.run("scale", "web", "2")


def test_an_app_grows_and_shrinks_by_a_word_and_up_keeps_it(shop: LabSite) -> None:
    shop.run("scale", "web", "3")
    assert machines(shop) == 3
    # Neither `up` nor a controller takes back what was asked for: its load was not low for long enough.
    assert "nothing to change" in shop.run("up", "--yes").stdout
    assert machines(shop) == 3
    shop.run("scale", "web", "2")
    assert machines(shop) == 2
    assert shop.run("scale", "web", "99", expect=2).returncode == 2


def test_status_knows_what_somebody_else_made_of_the_site(shop: LabSite) -> None:
    kept = shop.home / ".outlast/blueprint.json"
    before = kept.read_bytes()
    shop.run("scale", "web", "3")
    # As if a controller had done it, or another operator.
    kept.write_bytes(before)
    until("status tells of three", lambda: grown(shop, 3), 60)
    shop.run("scale", "web", "2")
    assert machines(shop) == 2


def test_an_operator_bounds_an_app_until_further_notice(shop: LabSite) -> None:
    shop.run("scale", "web", "3..4")
    until("the least are there", lambda: machines(shop) == 3 and shop.status()["healthy"], 120)
    assert "3..4" in shop.run("scale", "web", "5", expect=2).stderr
    assert "nothing to change" in shop.run("up", "--yes").stdout
    shop.run("scale", "web", "auto")
    shop.run("scale", "web", "2")
    assert machines(shop) == 2


def machines(site: LabSite) -> int:
    found = asyncio.run(site.provider().list())
    return len([each for each in found if "-app-" in each.name and each.power is Power.ON])
