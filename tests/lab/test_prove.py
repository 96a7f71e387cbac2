"""`outlast prove` on a real shop: it proves what holds, and refuses what does not.

The shop is the tests' own. Its outages may be longer here than the example promises, for this computer may be busy; no
other promise is softened.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.orders import Orders
from tests.lab.site import OUTLAST, LabSite, copy_of, until

pytestmark = pytest.mark.lab

SITE = "outlast-test-prove"
PATIENT = """
survive:
  process: { outage: 4s }
  machine: { outage: 4s }
  link: { outage: 4s }
  power: { outage: 2m }
"""
NOT_PROVED = 3


@pytest.fixture(scope="module")
def shop() -> Generator[LabSite]:
    site = copy_of("shop", SITE)
    path = site.home / "site.yaml"
    path.write_text(path.read_text() + PATIENT)
    try:
        site.run("up", "--yes", limit=600)
        yield site
    finally:
        site.run("down", "--yes", expect=None)


def prove(site: LabSite, to: Path, *words: str, expect: int) -> dict[str, dict[str, Any]]:
    """Run it, and what it found of each experiment."""
    done = site.run("prove", "--json", "--to", str(to), *words, expect=None, limit=400)
    assert done.returncode == expect, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    report = json.loads(done.stdout)["report"]
    page = (to / "report.html").read_text(encoding="utf-8")
    assert all(proof["experiment"]["name"] in page for proof in report["proofs"])
    return {proof["experiment"]["name"]: proof for proof in report["proofs"]}


def objections(proof: dict[str, Any]) -> set[str]:
    """The checkers that say no."""
    verdicts = [*proof["verdicts"], *(verdict for trial in proof["trials"] for verdict in trial["verdicts"])]
    return {verdict["checker"] for verdict in verdicts if verdict["judgement"] == "invalid"}


def test_the_shop_survives_what_hurts_most(shop: LabSite, tmp_path: Path) -> None:
    found = prove(shop, tmp_path, "--quick", expect=0)
    assert {"database-primary-power-off", "database-primary-partition", "edge-any-power-off"} <= set(found)
    for proof in found.values():
        (trial,) = proof["trials"]
        assert proof["judgement"] == "valid"
        assert trial["lost"] == 0
        assert trial["acknowledged"] > 100
        assert len(trial["verdicts"]) >= 8
    # Trials that are done are not done again.
    again = prove(shop, tmp_path, "--quick", expect=0)
    assert {name: proof["trials"] for name, proof in again.items()} == {
        name: proof["trials"] for name, proof in found.items()
    }


def test_two_writers_are_caught(shop: LabSite, tmp_path: Path) -> None:
    until("the site is healthy", lambda: shop.status()["healthy"], 120)
    other = next(name for name in ("east-galera-3", "east-galera-2") if name != writer(shop))
    # One proxy remembers a writer of its own, and it is another one than everybody's.
    script = (
        "sed -i -e 's/stick on int(1)/stick on int(2)/'"
        r" -e '/^backend writer/,/^frontend/ s/^\( *server .*\)$/\1 backup/'"
        rf" -e '/^backend writer/,/^frontend/ s/^\( *server {other} .*\) backup$/\1/' /etc/outlast/dbproxy/haproxy.cfg"
        " && systemctl restart outlast-dbproxy"
    )
    shop.run("exec", "east-app-2", "--", "sh", "-ec", script)
    try:
        found = prove(shop, tmp_path, "--trials", "1", "--only", "coordination-other-kill", expect=NOT_PROVED)
        assert "writers" in objections(found["coordination-other-kill"])
    finally:
        shop.run("up", "--yes")
        shop.run("exec", "east-app-2", "--", "systemctl", "restart", "outlast-dbproxy")


def test_a_database_that_only_promises_to_keep_is_caught(shop: LabSite, tmp_path: Path) -> None:
    until("the site is healthy", lambda: shop.status()["healthy"], 120)
    loose = "SET GLOBAL innodb_flush_log_at_trx_commit = 0, sync_binlog = 0, innodb_flush_log_at_timeout = 600"
    for number in (1, 2, 3):
        shop.run("exec", f"east-data-{number}", "--", "mariadb", "--execute", loose.replace(", ", ", GLOBAL "))
    found = prove(shop, tmp_path, "--trials", "1", "--only", "everything-power-off", expect=NOT_PROVED)
    assert "lost" in objections(found["everything-power-off"])
    (trial,) = found["everything-power-off"]["trials"]
    assert trial["lost"] > 0


def test_writes_leave_a_member_whose_disk_is_full(shop: LabSite) -> None:
    until("the site is healthy", lambda: shop.status()["healthy"], 120)
    # The data of the lab's machines share the disk of this computer: this one gets a small disk of its own. It would be
    # lost with the machine's power, so this comes last.
    # Whoever is written to makes way for the first of the others.
    number, before = (2, 1) if writer(shop) == "east-galera-1" else (1, int(str(writer(shop))[-1]))
    machine, member = f"east-data-{number}", f"east-galera-{number}"
    script = (
        "systemctl stop outlast-galera"
        " && mount -t tmpfs -o size=800m,mode=750,uid=$(id -u mysql),gid=$(id -g mysql) none /var/lib/mysql"
        " && systemctl start outlast-galera"
    )
    shop.run("exec", machine, "--", "sh", "-c", script)
    until("it has copied everything", lambda: shop.status()["healthy"], 120)
    with Orders(shop, shop.status()["urls"][0]) as orders:
        until("orders are accepted", lambda: len(orders.acknowledged) > 30, 20)
        # Writes move when somebody writes.
        shop.run("exec", f"east-data-{before}", "--", "/usr/bin/python3", "-B", "/usr/lib/outlast/galera/switch.py")
        until("it is written to", lambda: writer(shop) == member, 10)
        began = time.monotonic()
        words = ("run", "-f", str(shop.home / "site.yaml"), "disk", member, "--for", "15s", "--force")
        filling = subprocess.Popen([str(OUTLAST), "chaos", *words])
        until("writes have moved", lambda: writer(shop) not in (member, None), 15)
        until("orders go on", lambda: orders.since(time.monotonic() - 0.5) > 3, 10)
        assert filling.wait(60) == 0
        until("the site is healthy again", lambda: shop.status()["healthy"], 120)
        assert orders.longest_gap(began) < 5.0
    with shop.client(orders.url) as client:
        lost = [token for token, _ in orders.acknowledged if client.get(f"/api/orders/{token}").status_code != 200]
    assert lost == []


def writer(site: LabSite) -> str | None:
    """The member that is written to."""
    return next(service["primary"] for service in site.status()["services"] if service["name"] == "database")
