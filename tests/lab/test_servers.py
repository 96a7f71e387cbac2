"""The shop on bare servers that know nothing of Outlast: from sshd alone to orders, and back to bare servers."""

from __future__ import annotations

import json
import re
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.lab.bare import Rack, rack
from tests.lab.site import LabSite, copy_of, until

pytestmark = [pytest.mark.lab, pytest.mark.beside]
SITE, RACK = "outlast-test-own", "outlast-test-rack"
POOLS = {"edge": (11, 12), "app": (21, 22), "data": (31, 32, 33)}
SPARE = 38
FLOATING = (201, 202)
# The lab's own note in its images; no rented server has it.
IMAGE = "outlast-image-packages"
SERVING = tuple(number for numbers in POOLS.values() for number in numbers)


@dataclass(frozen=True)
class Own:
    """A site on servers, and the servers."""

    site: LabSite
    rack: Rack

    def look(self, number: int) -> str:
        """Everything on a server that Outlast could have left there, and what it changed."""
        return self.rack.shell(
            number,
            "set +e; cat /etc/hosts /etc/hostname; hostname;"
            f"ls -d /etc/outlast /srv/outlast /var/lib/outlast* /usr/sbin/policy-rc.d 2>/dev/null | grep -v {IMAGE};"
            "find /var/lib/mysql /var/lib/etcd -mindepth 1 2>/dev/null;"
            "ls /etc/systemd/system /etc/systemd/system/*.wants | grep outlast;"
            f"systemctl --no-legend list-units --state=failed; hostname -I | sed 's/{self.rack.address(number)} //'",
        )


def datacenter(own: Rack) -> str:
    servers = [f"{{ address: {own.address(n)}, pool: {pool} }}" for pool, numbers in POOLS.items() for n in numbers]
    servers[0] = servers[0].replace(" }", ", user: deploy }")
    servers.append(f"{{ address: {own.address(SPARE)}, spare: true }}")
    return "\n".join(
        (
            "  east:",
            "    machines: ssh",
            f"    network: {own.network}",
            f"    floating: [{', '.join(str(own.address(n)) for n in FLOATING)}]",
            f"    key: {own.key}",
            "    servers:",
            *(f"      - {server}" for server in servers),
        )
    )


@pytest.fixture(scope="module")
def own() -> Iterator[Own]:
    with rack(RACK, (*SERVING, SPARE)) as servers:
        site = copy_of("shop", SITE)
        path = site.home / "site.yaml"
        path.write_text(re.sub(r"^  east: .*$", datacenter(servers), path.read_text(), flags=re.MULTILINE))
        yield Own(site, servers)


def test_bare_servers_become_the_shop(own: Own) -> None:
    began = time.monotonic()
    bare = own.look(21)
    own.site.run("up", "--yes", "--json", limit=580)
    until("the site is healthy", lambda: own.site.status()["healthy"], 60)
    sys.stdout.write(f"from bare servers to a healthy site in {time.monotonic() - began:.0f} s\n")
    assert {m["address"] for m in own.site.status()["machines"]} == {str(own.rack.address(n)) for n in SERVING}
    assert own.look(21) != bare
    assert own.rack.shell(SPARE, f"ls /var/lib | grep outlast | grep -v {IMAGE} || true") == ""


def test_an_order_over_each_address(own: Own) -> None:
    for url in own.site.status()["urls"]:
        with own.site.client(url) as client:
            product = client.get("/api/products", params={"limit": 1}).json()["products"][0]["id"]
            order = {"token": uuid.uuid4().hex, "items": [{"product": product, "quantity": 1}]}
            assert client.post("/api/orders", json=order).status_code == 201


def test_a_second_up_changes_nothing(own: Own) -> None:
    assert json.loads(own.site.run("up", "--yes", "--json").stdout)["done"] == []


def test_down_leaves_servers_as_they_were_but_for_packages(own: Own) -> None:
    spare = own.look(SPARE).replace(f"server-{SPARE}", "server-N")
    own.site.run("down", "--yes")
    for number in SERVING:
        assert own.look(number).replace(f"server-{number}", "server-N") == spare
