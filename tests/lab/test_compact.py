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
GROUP = 4567
# A member of the database starts, and until SECONDS after it has begun to listen it does not meet one of the others.
LATE_MEETING = """
systemctl stop outlast-galera-health outlast-galera
nft -f - <<'END'
table inet late {{
  chain comes {{
    type filter hook input priority -300
    ip saddr {other} tcp dport {port} drop
    ip saddr {other} tcp sport {port} drop
  }}
}}
END
systemctl start outlast-galera outlast-galera-health &
until ss -ltnH | grep -q ':{port} '; do sleep 0.02; done
sleep {seconds}
nft delete table inet late
wait
"""
LEFT = "New COMPONENT: primary = no"


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


@pytest.mark.parametrize("seconds", [0.6, 0.8, 1.0, 2.5])
def test_a_newcomer_that_meets_one_of_the_others_late_breaks_up_nobody(compact: LabSite, seconds: float) -> None:
    other = next(m["address"] for m in compact.status()["machines"] if m["name"] == "east-node-1")
    marks = {name: journal(compact, name).count(LEFT) for name in ("east-node-1", "east-node-3")}
    late = LATE_MEETING.format(other=other, port=GROUP, seconds=seconds)
    compact.shell("east-node-2", "sh", "-c", late)
    until("it has its place again", lambda: compact.status()["healthy"], 60)
    assert {name: journal(compact, name).count(LEFT) for name in marks} == marks
    # From now on it notices a lost member as fast as the others do.
    said = compact.shell("east-node-2", "mariadb", "-NBe", "SELECT @@wsrep_provider_options")
    assert "evs.suspect_timeout = PT0.4S" in said


def journal(site: LabSite, machine: str) -> str:
    return site.shell(machine, "journalctl", "-u", "outlast-galera", "-o", "cat", "--no-pager")


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
