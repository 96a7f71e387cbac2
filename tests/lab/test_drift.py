"""Machines that were changed behind Outlast's back: `plan` says how, `up` mends it and says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any

import pytest

from outlast.kernel.events import silent
from outlast.machines.provider import Order
from tests.lab.site import LabSite, copy_of, traces, until

pytestmark = [pytest.mark.lab, pytest.mark.beside]
SITE = "outlast-test-drift"
APP = "outlast-app-hello-a.service"
ENVIRONMENT = "/etc/outlast/apps/hello-a.env"
PROXY = "/etc/outlast/haproxy/haproxy.cfg"
UNITS = "/etc/systemd/system"


@pytest.fixture(scope="module")
def site() -> Iterator[LabSite]:
    lab = copy_of("tiny", SITE)
    path = lab.home / "site.yaml"
    path.write_text(path.read_text() + "\ndatabase: { engine: mariadb }\n")
    lab.run("up", "--yes")
    yield lab
    lab.run("down", "--yes")
    assert traces(SITE) == []


def shell(site: LabSite, machine: str, script: str) -> str:
    return site.shell(machine, "sh", "-c", script).strip()


def plan(site: LabSite) -> dict[tuple[str, str], dict[str, Any]]:
    """What drifted, by machine and subject; there must be something."""
    drifts = json.loads(site.run("plan", "--json", "--detailed-exitcode", expect=2).stdout)["drift"]
    return {(drift["machine"], drift["subject"]): drift for drift in drifts}


def mend(site: LabSite) -> str:
    """Bring the site back; answers what was found and done, and checks that nothing is left to do."""
    done = json.loads(site.run("up", "--json").stdout)
    site.run("plan", "--detailed-exitcode", expect=0)
    until("the site is healthy", lambda: site.status()["healthy"], 60)
    assert json.loads(site.run("up", "--json").stdout)["done"] == []
    return "\n".join(done["mended"])


def test_files_edited_deleted_or_given_to_others(site: LabSite) -> None:
    old = shell(site, "east-edge-1", "systemctl show outlast-haproxy --property MainPID --value")
    shell(site, "east-edge-1", f"echo '# by hand' >> {PROXY}; systemctl reload outlast-haproxy")
    shell(
        site,
        "east-app-1",
        f"sed -i s/APP_SECRET=.*/APP_SECRET=mine-own-word/ {ENVIRONMENT}; echo MORE=mine >> {ENVIRONMENT}",
    )
    shell(site, "east-app-2", f"chmod 644 {ENVIRONMENT}; rm /etc/hosts")
    text = site.run("plan").stdout
    drifts = plan(site)
    assert drifts["east-edge-1", PROXY]["what"] == "it had been edited by hand"
    assert "+# by hand" in drifts["east-edge-1", PROXY]["lines"]
    assert drifts["east-app-1", ENVIRONMENT]["lines"][-1] == "+⟦hidden⟧"
    secret = (site.home / ".outlast/passwords/apps/hello").read_text()
    assert "mine" not in text.replace("mine own", "")
    assert secret not in text + json.dumps([*drifts.values()])
    assert drifts["east-app-2", ENVIRONMENT]["what"] == "its mode or owner had been changed"
    assert "0644 is there" in drifts["east-app-2", ENVIRONMENT]["lines"][0]
    assert drifts["east-app-2", "/etc/hosts"]["what"] == "it had been deleted"
    said = mend(site)
    for words in (
        f"east-edge-1: {PROXY}: it had been edited by hand; put back",
        "east-app-2: /etc/hosts: it had been deleted",
    ):
        assert words in said
    assert "# by hand" in shell(site, "east-edge-1", f"tail -n 1 /var/lib/outlast/by-hand{PROXY}")
    assert shell(site, "east-app-2", f"stat -c %a {ENVIRONMENT}") == "600"
    assert shell(site, "east-edge-1", "systemctl show outlast-haproxy --property MainPID --value") == old, (
        "reloaded only"
    )


def test_units_stopped_disabled_masked_and_overridden(site: LabSite) -> None:
    override = f"{UNITS}/{APP}.d/own.conf"
    shell(
        site,
        "east-app-1",
        f"mkdir -p {UNITS}/{APP}.d; printf '[Service]\\nNice=7\\n' > {override}; systemctl daemon-reload; "
        f"systemctl restart {APP}",
    )
    shell(site, "east-app-2", f"systemctl stop {APP}; systemctl disable {APP} 2>/dev/null")
    shell(site, "east-edge-2", f"ln -sf /dev/null {UNITS}/outlast-haproxy.service; systemctl daemon-reload")
    drifts = plan(site)
    assert drifts["east-app-1", override]["lines"] == ["+[Service]", "+Nice=7"]
    whats = [d["what"] for d in json.loads(site.run("plan", "--json").stdout)["drift"] if d["subject"] == APP]
    assert {"it had been stopped", "it had been disabled"} <= {*whats}
    assert drifts["east-edge-2", f"{UNITS}/outlast-haproxy.service"]["what"] == "it had been masked"
    said = mend(site)
    for words in (
        "somebody overrode",
        "it had been stopped; started again",
        "it had been disabled; enabled again",
        "masked",
    ):
        assert words in said
    assert shell(site, "east-app-1", f"systemctl show {APP} --property Nice --value") == "0"
    assert shell(site, "east-app-2", f"systemctl is-enabled {APP}") == "enabled"


def test_a_release_edited_or_deleted_is_unpacked_anew(site: LabSite) -> None:
    folder = shell(site, "east-app-1", f"systemctl show {APP} --property WorkingDirectory --value")
    shell(site, "east-app-1", f"echo '# by hand' >> {folder}/hello.py")
    shell(site, "east-app-2", f"rm -rf {folder}")
    whats = {drift["machine"]: drift["what"] for drift in plan(site).values() if drift["kind"] == "release"}
    assert whats == {"east-app-1": "it had been edited", "east-app-2": "it had been deleted"}
    said = mend(site)
    assert "it had been edited; unpacked anew" in said
    assert shell(site, "east-app-1", f"grep -c 'by hand' {folder}/hello.py || true") == "0"
    assert shell(site, "east-app-1", f"readlink /proc/$(systemctl show {APP} --property MainPID --value)/cwd") == folder


def test_machines_deleted_powered_off_and_unknown(site: LabSite) -> None:
    lab = site.provider()
    machines = {machine["name"]: machine for machine in site.status()["machines"]}
    stranger = IPv4Address(machines["east-app-2"]["address"]) + 100

    async def drift() -> None:
        await lab.prepare(json.loads((site.home / ".outlast/blueprint.json").read_text())["packages"], silent)
        await lab.destroy("east-data-2")
        await lab.power_off("east-app-1")
        await lab.create(Order("east-app-9", "east", stranger))

    asyncio.run(drift())
    whats = {drift["machine"]: drift["what"] for drift in plan(site).values()}
    assert whats["east-data-2"] == "it does not exist"
    assert whats["east-app-1"] == "its power is off"
    assert whats["east-app-9"] == "the site does not know this machine"
    said = mend(site)
    assert "galera" not in said
    status = site.status()
    assert {machine["name"] for machine in status["machines"]} == {*machines}
    database = next(service for service in status["services"] if service["name"] == "database")
    assert database["redundancy"] == {"want": 3, "have": 3}
    assert "east-app-9" not in {found.name for found in asyncio.run(lab.list())}


def test_a_package_that_cannot_be_put_back_is_a_finding_and_replacing_the_machine_mends_it(site: LabSite) -> None:
    shell(site, "east-data-3", "dpkg --purge --force-depends socat")
    drifts = plan(site)
    assert "it was removed, and the machine was made with" in drifts["east-data-3", "socat"]["what"]
    failed = json.loads(site.run("up", "--json", expect=1).stdout)
    (finding,) = failed["findings"]
    assert (finding["where"], "up --replace east-data-3" in finding["fix"]) == ("east-data-3", True)
    assert site.status()["healthy"], "all else is as it was"
    shell(site, "east-data-1", "systemctl stop outlast-galera.service")
    refused = site.run("up", "--yes", "--replace", "east-data-3", expect=1)
    assert "cannot be replaced now" in refused.stderr
    site.run("up", "--yes", "--json", expect=1)
    site.run("up", "--yes", "--replace", "east-data-3")
    site.run("plan", "--detailed-exitcode", expect=0)
    assert site.status()["healthy"]
