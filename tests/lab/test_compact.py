"""The compact footprint in the lab: every role on three machines, and any one of them may lose its power."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.lab.orders import Orders
from tests.lab.site import LabSite, copy_of, traces, until

pytestmark = pytest.mark.lab
SITE = "outlast-test-node"


@pytest.fixture(scope="module")
def compact() -> Iterator[LabSite]:
    site = copy_of("shop", SITE)
    site.edit("\ndatacenters:", "\nfootprint: compact\ndatacenters:")
    site.run("up", "--yes", limit=600)
    until("every floating address is at home", lambda: at_home(site), 30)
    yield site
    site.run("down", "--yes")
    assert traces(SITE) == []


def at_home(site: LabSite) -> bool:
    return all(floating["holder"] == floating["home"] for floating in site.status()["floating"])


def test_every_role_on_three_machines(compact: LabSite) -> None:
    status = compact.status()
    assert status["healthy"] is True
    assert Counter(machine["pool"] for machine in status["machines"]) == {"node": 3}
    assert len(status["urls"]) == 3
    assert {member["component"] for member in status["members"]} == {
        "app",
        "dbproxy",
        "etcd",
        "galera",
        "haproxy",
        "keepalived",
    }


def test_orders_go_on_when_the_writers_machine_loses_its_power(compact: LabSite) -> None:
    status = compact.status()
    writer = next(service["primary"] for service in status["services"] if service["name"] == "database")
    machine = next(member["machine"] for member in status["members"] if member["name"] == writer)
    # The address of that very machine: it has to move too.
    own = next(f["address"] for f in status["floating"] if f["holder"] == machine)
    orders = Orders(compact, f"https://{own}/")
    with orders:
        until("orders are accepted", lambda: len(orders.acknowledged) > 20, 20)
        at = time.monotonic()
        asyncio.run(compact.provider().power_off(machine))
        until("orders go on", lambda: orders.since(at + 3.0) > 20, 30)
        compact.run("up", "--yes")
        until("the site is healthy again", lambda: compact.status()["healthy"], 60)
    with compact.client(status["urls"][0]) as client:
        lost = [token for token, _ in orders.acknowledged if client.get(f"/api/orders/{token}").status_code != 200]
    assert lost == []
