"""Two operators with stores of their own and the same machines; and plans that were saved."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from outlast.apply.apply import ask
from outlast.apply.facts import Held, Holder
from tests.lab.site import OUTLAST, LabSite, copy_of, traces, until

pytestmark = pytest.mark.lab
SITE = "outlast-test-two"
RUN = "run: python3 hello.py "
SLOW = "run: sleep 1000 "
ELSEWHERE = Holder(id="1", user="ada", host="far", box="none of ours", process=7, born="1", verb="up")


@pytest.fixture(scope="module")
def site() -> Iterator[LabSite]:
    lab = copy_of("tiny", SITE)
    lab.run("up", "--yes")
    yield lab
    lab.run("down", "--yes")
    assert traces(SITE) == []


def clone(site: LabSite, name: str) -> Path:
    """The store as another box has it: a copy of its own."""
    return Path(shutil.copytree(site.home / ".outlast", site.home / ".outlast-clones" / name, dirs_exist_ok=True))


def elsewhere(site: LabSite, store: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `outlast` with another store in the place of the site's: another operator's."""
    script = 'mount --bind "$1" "$2"; shift 2; exec "$@"'
    verb, *rest = arguments
    command = [str(OUTLAST), verb, "-f", str(site.home / "site.yaml"), *rest]
    argv = ["unshare", "-m", "sh", "-ec", script, "elsewhere", str(store), str(site.home / ".outlast"), *command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


def holder(site: LabSite) -> int:
    """The process that changes the site now, as a machine knows it; 0 when there is none."""
    script = "cat /run/outlast-lease.json 2>/dev/null || true"
    text = site.shell("east-app-1", "sh", "-c", script).strip()
    return json.loads(text)["holder"]["process"] if text else 0


def landed(site: LabSite, text: str) -> bool:
    """Whether a unit of Outlast's on the app machine holds this text."""
    script = f"grep -qs '{text}' /etc/systemd/system/outlast-app-*.service && echo yes || true"
    return site.shell("east-app-1", "sh", "-c", script).strip() == "yes"


def take(site: LabSite, ttl: float) -> None:
    """Somebody far away takes every machine's lease, and is not heard of again."""

    async def everywhere() -> None:
        lab = site.provider()
        for found in await lab.list():
            machine = await lab.connect(found.name)
            request: dict[str, object] = {"do": "take", "holder": ELSEWHERE.model_dump(), "ttl": ttl, "over": ""}
            assert (await ask(machine, "lease", Held, 10.0, **request)).held
            await machine.close()

    asyncio.run(everywhere())


def test_of_two_operators_one_is_refused_and_told_by_whom(site: LabSite) -> None:
    other = clone(site, "b")
    kept = (other / "blueprint.json").read_bytes()
    site.edit(RUN, SLOW)
    first = site.start("up", "--yes")
    until("the first holds the site", lambda: holder(site) == first.pid, 120)
    second = elsewhere(site, other, "up", "--yes")
    assert second.returncode == 1
    assert "somebody else is changing it" in second.stderr
    assert f"(process {first.pid})" in second.stderr
    assert elsewhere(site, other, "down", "--yes").returncode == 1
    first.send_signal(signal.SIGTERM)
    _, said = first.communicate(timeout=120)
    assert first.returncode == 130, said
    assert "nothing is undone" in said
    assert holder(site) == 0
    site.edit(SLOW, RUN)
    site.run("up", "--yes")
    stale = elsewhere(site, other, "up", "--yes")
    assert stale.returncode == 1
    assert "which is here already" in stale.stderr
    assert (other / "blueprint.json").read_bytes() == kept, "what was refused is not kept as the intent"


def test_of_two_who_start_at_once_at_most_one_changes_anything(site: LabSite) -> None:
    other = clone(site, "c")
    site.edit(RUN, "run: exec python3 hello.py ")
    first = site.start("up", "--yes", "--json")
    second = elsewhere(site, other, "up", "--yes", "--json")
    out, _ = first.communicate(timeout=120)
    assert sorted((first.returncode, second.returncode)) != [1, 1]
    done = [json.loads(text) for text in (out, second.stdout)]
    changed = [document for document in done if document.get("done")]
    assert len(changed) == 1, done
    site.edit("run: exec python3 hello.py ", RUN)
    if second.returncode == 0 and first.returncode != 0:
        shutil.copy(other / "blueprint.json", site.home / ".outlast/blueprint.json")
    site.run("up", "--yes")


def test_the_lease_of_a_dead_process_is_taken_over_at_once_and_said(site: LabSite) -> None:
    site.edit(RUN, SLOW)
    victim = site.start("up", "--yes")
    # What it did must need undoing: a site at rest is left as it is, lease and all.
    until("what it wants has landed", lambda: landed(site, "sleep 1000"), 120)
    assert holder(site) == victim.pid
    victim.kill()
    victim.communicate()
    site.edit(SLOW, RUN)
    done = json.loads(site.run("up", "--json").stdout)
    assert any(f"(process {victim.pid}), which died" in line for line in done["mended"])
    assert holder(site) == 0


def test_a_silent_operator_elsewhere_is_waited_for_and_then_taken_over_from(site: LabSite) -> None:
    site.run("exec", "east-app-1", "--", "rm", "-f", "/etc/hosts")
    take(site, ttl=600)
    refused = site.run("up", "--yes", expect=1)
    assert "`outlast up` of ada on far (process 7)" in refused.stderr
    # The same lease, with a shorter life.
    take(site, ttl=3)
    done = json.loads(site.run("up", "--json", "--lock-wait", "20").stdout)
    assert any("ada on far (process 7), which was silent for" in line for line in done["mended"])


def test_a_saved_plan_is_done_or_refused(site: LabSite) -> None:
    plan = str(site.home / "plan.json")
    site.edit(RUN, "run: exec python3 hello.py ")
    site.run("plan", "--out", plan)
    site.run("exec", "east-app-1", "--", "rm", "-f", "/etc/hosts")
    assert "the machines have drifted since" in site.run("up", "--plan", plan, expect=2).stderr
    site.run("plan", "--out", plan)
    site.run("up", "--plan", plan)
    assert "somebody has changed the site since" in site.run("up", "--plan", plan, expect=2).stderr
    site.run("plan", "--out", plan)
    site.edit("run: exec python3 hello.py ", RUN)
    assert "the site file or a source folder has changed" in site.run("up", "--plan", plan, expect=2).stderr
    site.run("up", "--yes")
