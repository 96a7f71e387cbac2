"""Two environments of one file live in one lab, from an archive and from a revision; one goes and the other stays."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from outlast.machines.nspawn.lab import Lab
from tests.lab import oci
from tests.lab.site import HOMES, LabSite, copy_of, traces, until

pytestmark = [pytest.mark.lab, pytest.mark.beside]
SITE, STAGING = "outlast-test-env", "outlast-test-stg"
OWN = ".outlast/environments/staging"
# `controller: null` removes what keeps controllers away from the site that the rest of the file makes.
OVERLAY = f"""
environments:
  staging:
    site: {STAGING}
    controller:
    apps:
      hello: {{ source: {{ archive: , git: ., revision: v1, folder: app }} }}
      boxed: {{ source: {{ image: ./boxed.tar }}, run: exec python3 /app/main.py, routes: [/boxed] }}
"""


@pytest.fixture(scope="module")
def both() -> Iterator[LabSite]:
    if (HOMES / SITE / OWN).exists():
        LabSite(HOMES / SITE).run("down", "--yes", "-e", "staging", expect=None)
    site = copy_of("tiny", SITE)
    site.edit("\ndatacenters:", "\nfootprint: compact\ndatacenters:")
    site.edit("source: ./app ", "source: { archive: ./hello.tar.gz } ")
    with (site.home / "site.yaml").open("a") as file:
        file.write(OVERLAY)
    for argv in (["init", "--quiet"], ["add", "app"], ["commit", "--quiet", "--message=one"], ["tag", "v1"]):
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@tiny.test", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(site.home), *who, *argv], check=True)
    shutil.make_archive(str(site.home / "hello"), "gztar", site.home / "app")
    oci.write(site.home / "boxed.tar", site.home / "app" / "hello.py")
    # What is released is none of them.
    (site.home / "app" / "hello.py").write_text("raise SystemExit('not committed')\n")
    site.run("up", "--yes", limit=600)
    site.run("up", "--yes", "-e", "staging", limit=600)
    yield site
    site.run("down", "--yes", "-e", "staging")
    site.run("down", "--yes")
    assert traces(SITE) == traces(STAGING) == []


def status(site: LabSite, environment: str) -> dict[str, Any]:
    return json.loads(site.run("status", "--json", "-e", environment, expect=None).stdout)


def answers(told: dict[str, Any], authority: Path) -> set[int]:
    context = ssl.create_default_context(cafile=str(authority))
    return {httpx.get(f"{url.rstrip('/')}/healthz", verify=context, timeout=10.0).status_code for url in told["urls"]}


def test_both_are_whole_and_apart(both: LabSite) -> None:
    own, staging = status(both, ""), status(both, "staging")
    assert (own["site"], own["environment"], own["healthy"]) == (SITE, "", True)
    assert (staging["site"], staging["environment"], staging["healthy"]) == (STAGING, "staging", True)
    assert not {m["address"] for m in own["machines"]} & {m["address"] for m in staging["machines"]}
    assert answers(own, both.home / ".outlast/ca.pem") == {200}
    assert answers(staging, both.home / OWN / "ca.pem") == {200}
    assert {m["component"] for m in staging["members"]} - {m["component"] for m in own["members"]} == {"controller"}
    for environment in ("", "staging"):
        both.run("plan", "--detailed-exitcode", "-e", environment)


def test_what_is_an_image_runs_as_a_service_like_any_other(both: LabSite) -> None:
    machine = next(m["machine"] for m in status(both, "staging")["members"] if m["service"] == "boxed")
    service = "outlast-app-boxed-a.service"
    run = "echo $(systemctl show --property ControlGroup --value $1); pgrep --full '^python3 /app/main.py' | head -1"
    group, process = on(both, machine, run, service).splitlines()
    assert group in on(both, machine, "cat /proc/$1/cgroup", process)
    # It gets none of what podman needs.
    assert "CapEff:\t0000000000000000" in on(both, machine, "cat /proc/$1/status", process)
    on(both, machine, "kill -9 $1", process)
    until("it is there again", lambda: status(both, "staging")["healthy"], 30)
    on(both, machine, "systemctl stop $1", service)
    assert on(both, machine, "systemctl show --property Result --value $1", service).strip() == "success"
    assert on(both, machine, "pgrep --full '^python3 /app/main.py' || true") == ""
    on(both, machine, "systemctl start $1", service)
    until("staging is whole", lambda: status(both, "staging")["healthy"], 30)


def on(site: LabSite, machine: str, script: str, *argv: str) -> str:
    return site.run("exec", "-e", "staging", machine, "--", "sh", "-c", script, "sh", *argv).stdout


def test_its_leader_governs_the_environment_as_it_was_merged(both: LabSite) -> None:
    led = {service["name"]: service["primary"] for service in status(both, "staging")["services"]}
    leader = next(m["machine"] for m in status(both, "staging")["members"] if m["name"] == led["controller"])
    victim = next(m["name"] for m in status(both, "staging")["machines"] if m["name"] != leader)
    asyncio.run(Lab(STAGING, both.home, both.home / OWN).power_off(victim))
    until("the leader started it again", lambda: f"{victim}: start helped" in told(both), 120)
    until("staging is whole", lambda: status(both, "staging")["healthy"], 60)
    assert status(both, "")["healthy"] is True


def told(site: LabSite) -> str:
    return site.run("events", "-e", "staging", expect=None).stdout


def test_one_goes_and_the_other_stays(both: LabSite) -> None:
    both.run("down", "--yes", "-e", "staging")
    assert traces(STAGING) == []
    assert not (both.home / ".outlast/environments").exists()
    own = status(both, "")
    assert own["healthy"] is True
    assert answers(own, both.home / ".outlast/ca.pem") == {200}
    assert both.run("status", "-e", "staging", expect=1).stderr.count("outlast up -e staging") == 1
