"""The firewall on real machines: what opens is what the wiring names; it holds from boot, and changes cut nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator

import pytest

from tests.lab.orders import Orders
from tests.lab.site import LabSite, copy_of, traces, until

pytestmark = pytest.mark.lab
SITE = "outlast-test-wall"
SERVICE = "outlast-firewall.service"


@pytest.fixture(scope="module")
def shop() -> Iterator[LabSite]:
    site = copy_of("shop", SITE)
    site.run("up", "--yes", "--json", limit=600)
    yield site
    site.run("down", "--yes")
    assert traces(SITE) == []


def on(site: LabSite, machine: str, script: str, expect: int | None = 0) -> str:
    return site.shell(machine, "sh", "-c", script, expect=expect)


def test_what_is_open_is_what_the_wiring_names(shop: LabSite) -> None:
    found = json.loads(shop.run("scan", "--json").stdout)
    assert found["findings"] == []
    opened = {(door["source"], door["target"], door["port"]) for door in found["open"]}
    assert ("here", "east-edge-1", 443) in opened
    assert ("here", "east-data-1", 22) in opened
    assert ("here", "east-data-1", 3306) not in opened
    assert ("east-app-1", "east-data-1", 3306) in opened
    assert ("east-edge-1", "east-data-1", 3306) not in opened
    assert ("east-app-1", "east-app-2", 22) not in opened


def test_a_machine_that_was_taken_over_still_meets_the_others_firewalls(shop: LabSite) -> None:
    on(shop, "east-edge-1", "nft delete table inet outlast")
    try:
        found = json.loads(shop.run("scan", "--json", expect=3).stdout)
        beyond = [finding["what"] for finding in found["findings"]]
        # Without its own firewall it reaches what is open to the whole world, and no more.
        ports = {int(what.split()[2]) for what in beyond}
        assert ports <= {22, 80, 443}
        assert all(what.endswith("seen from east-edge-1") for what in beyond)
    finally:
        on(shop, "east-edge-1", f"systemctl restart {SERVICE}")
    shop.run("scan")


def test_a_refusal_is_an_error_at_once(shop: LabSite) -> None:
    data = next(m["address"] for m in shop.status()["machines"] if m["name"] == "east-data-1")
    script = "import socket,time;b=time.monotonic();s=socket.socket();s.settimeout(5);c=s.connect_ex(('{}',{}));{}"
    say = "print(c,time.monotonic()-b)"
    for address, port in ((data, 2379), ("192.0.2.1", 443)):
        code, seconds = on(shop, "east-app-1", f'python3 -c "{script.format(address, port, say)}"').split()
        assert int(code) == 111, "connection refused"
        assert float(seconds) < 0.5


def test_it_holds_from_boot(shop: LabSite) -> None:
    provider = shop.provider()
    asyncio.run(provider.power_off("east-app-2"))
    shop.run("up", "--yes")
    assert "policy drop" in on(shop, "east-app-2", "nft list chain inet outlast input")
    # It was there before the first service that anybody could have talked to.
    order = f"systemctl show {SERVICE} ssh.service --property ActiveEnterTimestampMonotonic --value"
    firewall, ssh = (int(text) for text in on(shop, "east-app-2", order).split())
    assert 0 < firewall < ssh
    shop.run("scan")


def test_growth_and_reload_cut_no_connection(shop: LabSite) -> None:
    orders = Orders(shop, shop.status()["urls"][0])
    with orders:
        until("orders are accepted", lambda: len(orders.acknowledged) > 20, 20)
        began = time.monotonic()
        shop.edit("scale: { min: 2,", "scale: { min: 3,")
        plan = json.loads(shop.run("plan", "--json").stdout)
        data = next(change for change in plan["changes"] if change["machine"] == "east-data-1")
        added = [rule for rule in data["firewall"] if rule["change"] == "create"]
        assert {peer["name"] for rule in added for peer in rule["rule"]["peers"]} == {"east-app-3"}
        assert [service["service"] for service in data["services"]] == [SERVICE]
        shop.run("up", "--yes")
        grown = len(orders.acknowledged)
        until("orders go on", lambda: len(orders.acknowledged) > grown + 20, 20)
        shop.edit("scale: { min: 3,", "scale: { min: 2,")
        shop.run("up", "--yes")
        shrunk = len(orders.acknowledged)
        until("orders go on", lambda: len(orders.acknowledged) > shrunk + 20, 20)
        assert orders.errors == 0
        assert orders.longest_gap(began) < 3.0
    shop.run("scan")
    assert "east-app-3" not in on(shop, "east-data-1", "cat /etc/outlast/firewall/rules.nft /etc/hosts")


def test_what_an_app_calls_is_opened_and_nothing_else(shop: LabSite) -> None:
    text = on(shop, "east-app-1", "nft list chain inet outlast accepted_out")
    assert "192.0.2.10" not in text
    shop.edit("    uses: [database]", "    calls: [192.0.2.10:443, 192.0.2.53:53/udp]\n    uses: [database]")
    shop.run("up", "--yes")
    text = on(shop, "east-app-1", "nft list chain inet outlast accepted_out")
    assert "ip daddr 192.0.2.10 tcp dport 443 accept" in text
    assert "ip daddr 192.0.2.53 udp dport 53 accept" in text
    assert "192.0.2.10" not in on(shop, "east-edge-1", "nft list table inet outlast")
    shop.run("scan")
