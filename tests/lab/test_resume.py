"""What goes wrong on the way up is said with its reason, and the same command goes on after the fix."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.lab.site import LabSite, copy_of, kill_after, traces, until

pytestmark = [pytest.mark.lab, pytest.mark.beside]
SITE = "outlast-test-resume"
RUN = "run: python3 hello.py "
MOMENTS = (0.7, 1.8, 3.0, 4.5)


@pytest.fixture(scope="module")
def tiny() -> Iterator[LabSite]:
    site = copy_of("tiny", SITE)
    yield site
    site.run("down", "--yes")
    assert traces(SITE) == []


@pytest.mark.parametrize("seconds", MOMENTS)
def test_a_first_up_that_is_killed_is_finished_by_the_next(tiny: LabSite, seconds: float) -> None:
    tiny.run("down", "--yes")
    victim = tiny.start("up", "--yes")
    kill_after(victim, seconds)
    tiny.run("up", "--yes")
    assert tiny.status()["healthy"]
    tiny.run("plan", "--detailed-exitcode", expect=0)
    names = [machine["name"] for machine in tiny.status()["machines"]]
    namespaces = [trace for trace in traces(SITE) if trace.startswith("namespace")]
    # One for each machine, and the lab's switch.
    assert len(namespaces) == len(names) + 1, "an orphan was left"


def test_an_app_that_dies_at_start_shows_its_last_words_and_resumes(tiny: LabSite) -> None:
    tiny.edit(RUN, "run: echo the oven is cold; exit 3 ")
    failed = tiny.run("up", "--yes", expect=1)
    assert "the oven is cold" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "it was taken back" in failed.stderr
    assert tiny.status()["healthy"], "what ran before serves on"
    tiny.edit("run: echo the oven is cold; exit 3 ", RUN)
    tiny.run("up", "--yes")
    until("the site is healthy", lambda: tiny.status()["healthy"], 20)


def test_a_build_that_fails_leaves_the_running_release_alone(tiny: LabSite) -> None:
    tiny.edit(RUN, "build: echo no such wheel; false\n    " + RUN)
    failed = tiny.run("up", "--yes", "--json", expect=1)
    findings = json.loads(failed.stdout)["findings"]
    assert any("no such wheel" in finding["evidence"] for finding in findings)
    with tiny.client(tiny.status()["urls"][0]) as client:
        assert client.get("/healthz").status_code == 200
    tiny.edit("build: echo no such wheel; false\n    " + RUN, RUN)
    tiny.run("up", "--yes")
    tiny.run("plan", "--detailed-exitcode", expect=0)


def test_what_was_changed_by_hand_is_found_and_mended(tiny: LabSite) -> None:
    tiny.run("exec", "east-edge-1", "--", "sh", "-c", "echo '# by hand' >> /etc/outlast/haproxy/haproxy.cfg")
    tiny.run("exec", "east-app-1", "--", "systemctl", "stop", "outlast-app-hello-a.service")
    plan = json.loads(tiny.run("plan", "--json", "--detailed-exitcode", expect=2).stdout)
    assert {drift["machine"] for drift in plan["drift"]} == {"east-edge-1", "east-app-1"}
    tiny.run("up", "--yes")
    tiny.run("plan", "--detailed-exitcode", expect=0)
    until("the site is healthy", lambda: tiny.status()["healthy"], 20)
