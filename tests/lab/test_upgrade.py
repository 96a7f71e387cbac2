"""Every machine is made anew from another image, one after another, under the eyes of a customer; and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest

from outlast.machines.nspawn import image, record
from outlast.machines.nspawn.names import Identity
from tests.lab.asking import asking
from tests.lab.site import LabSite, copy_of, traces, until

pytestmark = pytest.mark.lab
SITE = "outlast-test-upgrade"


@pytest.fixture(scope="module")
def tiny() -> Iterator[LabSite]:
    site = copy_of("tiny", SITE)
    site.run("up", "--yes")
    yield site
    held = record.pin(Identity(SITE, site.home))
    site.run("down", "--yes")
    # What was built for this test alone; the image of before is everybody's.
    for name in {held.image, held.before} - {image.folder(()).name, ""}:
        if "-" in name:
            asyncio.run(image.forget(name))
    assert traces(SITE) == []


def images(site: LabSite) -> dict[str, str]:
    """What each machine was made from."""
    return {held.name: held.image for held in record.every(Identity(SITE, site.home))}


def test_machines_are_made_anew_although_the_command_is_killed_and_go_back(tiny: LabSite) -> None:
    before = images(tiny)
    assert tiny.run("upgrade", "--dry-run").stdout.startswith("●")
    with asking(tiny) as answers:
        victim = tiny.start("upgrade", "--force")
        until("one machine is anew", lambda: set(images(tiny).values()) - set(before.values()), 200)
        victim.kill()
        victim.communicate()
        again = json.loads(tiny.run("upgrade", "--json", limit=500).stdout)
        after = images(tiny)
        assert again["left"] == []
        assert set(after) == set(before)
        assert len(set(after.values()) - set(before.values())) == 1
        assert not set(after.values()) & set(before.values())
        assert tiny.status()["healthy"]
        assert len(json.loads(tiny.run("upgrade", "--back", "--json", limit=500).stdout)["done"]) == len(before)
    assert images(tiny) == before
    assert tiny.status()["healthy"]
    # Each edge leaves twice or three times, and its address comes home as often.
    assert answers.wrong == []
    assert answers.count > 500
