"""`up` dies before each of its steps, is run again, and ends where one that never died does.

Five beginnings: nothing at all, a change, a change to a much larger site, its removal, a repair. The first two die
before each third step, the others before each seventh; all before every one with `OUTLAST_CRASH=fine`, where the making
of folders and the opening of files are steps too: some sixty times as many deaths. Each prints how many it went
through.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from outlast.kernel.errors import OutlastError
from tests.crash.death import LIMIT, Death, forked, together, watched
from tests.sim.site import SimSite, new_site

FINE = os.environ.get("OUTLAST_CRASH") == "fine"
WORKERS = 2
# The store and machines sync to disk hundreds of times a second here, and a crash of the process is no loss of power.
MEMORY = Path("/dev/shm")
SHOWN = 20
# Folders of this box that a machine's disk shows, and what its memory holds.
NOT_ITS_OWN = {"usr", "dev", "bin", "sbin", "lib", "lib32", "lib64", "run", "tmp"}


@dataclass(frozen=True)
class Scenario:
    """`before` makes the state in which `up` begins, `site` is what it is told then. Both get the site's folder.

    `stride`: from the first step on, it dies before each that comes so many after the last.
    """

    name: str
    before: Callable[[Path], None]
    site: Callable[[Path], SimSite]
    stride: int = 1


def small(home: Path) -> SimSite:
    return new_site(home, web="scale: { min: 1 }")


def changed(home: Path) -> SimSite:
    """Another release, a machine more, one app more."""
    site = new_site(home, rest="  api: { source: ./app, run: other, routes: [/api], scale: { min: 1 } }")
    (home / "app" / "main.py").write_text("serve = 2\n")
    return site


def large(home: Path) -> SimSite:
    """Another release with a migration, a machine more, one app more, and a database with its steward and accounts."""
    web = "scale: { min: 2 }\n    uses: [database]\n    migrate: migrate"
    more = "  api: { source: ./app, run: other, routes: [/api], scale: { min: 1 } }"
    site = new_site(home, web=web, rest=f"{more}\ndatabase: {{ engine: mariadb }}")
    (home / "app" / "main.py").write_text("serve = 2\n")
    return site


def nothing(home: Path) -> None:
    home.mkdir(parents=True)


def up_as(site: Callable[[Path], SimSite]) -> Callable[[Path], None]:
    def before(home: Path) -> None:
        asyncio.run(site(home).up())

    return before


def broken(home: Path) -> None:
    """A machine without power, one destroyed, a file changed by hand, a service stopped by hand."""
    asyncio.run(_break(large(home)))


async def _break(site: SimSite) -> None:
    await site.up()
    sim = site.provider()
    await sim.power_off("east-data-3")
    await sim.destroy("east-edge-2")
    machine = await sim.connect("east-data-1")
    await machine.put("/etc/outlast/etcd/etcd.yaml", b"garbage")
    await machine.close()
    machine = await sim.connect("east-app-1")
    await machine.run(["systemctl", "stop", "outlast-app-web-a.service"])
    await machine.close()


SCENARIOS = (
    Scenario("first", nothing, small, stride=3),
    Scenario("change", up_as(small), changed, stride=3),
    Scenario("growth", up_as(small), large, stride=7),
    Scenario("removal", up_as(large), small, stride=7),
    Scenario("repair", broken, large, stride=7),
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for the trials: in memory where this computer lets it, or they mostly wait for its disk."""
    is_there = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    where = MEMORY if is_there else tmp_path
    with tempfile.TemporaryDirectory(dir=where, ignore_cleanup_errors=True) as made:
        yield Path(made)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_it_dies_before_every_step_and_the_next_one_ends_the_same(
    scenario: Scenario, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin, home = folder / "begin", folder / "site"
    # Whatever is read and compiled once is so before this process is copied.
    asyncio.run(scenario.site(folder / "warm").up())
    scenario.before(begin)
    restore(begin, home)
    death = Death(home, 0, fine=FINE)
    whole = json.loads(answer(lambda: run_once(scenario.site(home), death)))
    steps = range(1, whole["steps"] + 1, 1 if FINE else scenario.stride)
    cases = [(step, 0) for step in steps] + [(0, opening) for opening in whole["in place"]]
    failures = list(in_parallel(scenario, begin, [cases[number::WORKERS] for number in range(WORKERS)], whole["state"]))
    with capsys.disabled():
        said = f"{scenario.name}: {len(steps)} deaths at {whole['steps']} steps, {len(cases) - len(steps)} in a file"
        print(f"\n  {said} ", end="")  # noqa: T201 - the count is what the test is about
    assert not failures, "\n".join([f"{len(failures)} failures, of which the first are:", *failures[:SHOWN]])


def in_parallel(
    scenario: Scenario, begin: Path, shares: list[list[tuple[int, int]]], wanted: dict[str, object]
) -> Iterator[str]:
    """The failures of all cases, each share in a process of its own."""

    def work(cases: list[tuple[int, int]]) -> str:
        return json.dumps([line for step, torn in cases for line in one(scenario, begin, step, torn, wanted)])

    for status, text in together([partial(work, share) for share in shares]):
        assert status == 0, text
        yield from json.loads(text)


def one(scenario: Scenario, begin: Path, step: int, torn: int, wanted: dict[str, object]) -> Iterator[str]:
    """What is wrong after this death and one more run.

    In a folder of its own: what the dead one left running may not reach the next case.
    """
    case = f"{scenario.name}, dead {f'before step {step}' if step else f'while writing file {torn}'}"
    home = begin.with_name(f"dead-{step}-{torn}")
    restore(begin, home)
    site = scenario.site(home)
    death = Death(home, step, torn=torn, fine=FINE)
    status, text = forked(lambda: run_once(site, death))
    died = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if not died and status != 0:
        yield f"{case}: it failed before it died: {text[-600:]}"
        return
    # The order of steps differs a little from run to run: one that ended before its death has to end well too.
    status, text = forked(lambda: run_again(site))
    if status != 0:
        yield f"{case}: the next one failed: {text[-1500:] or f'not at its end within {LIMIT} s'}"
        return
    found = json.loads(text)
    if found["again"]:
        yield f"{case}: the third one still found something to do: {found['again']}"
    for line in differences(wanted, found["state"]):
        yield f"{case}: {line}"
    shutil.rmtree(home, ignore_errors=True)


def run_once(site: SimSite, death: Death) -> str:
    watched(death)
    asyncio.run(site.up())
    return json.dumps({"steps": death.count, "in place": death.in_place, "state": state(site)})


def run_again(site: SimSite) -> str:
    try:
        asyncio.run(site.up())
        again = asyncio.run(site.up())
    except OutlastError as error:
        raise AssertionError([(f.where, f.what, f.why, f.evidence) for f in error.findings]) from error
    return json.dumps({"again": again, "state": state(site)})


def answer(work: Callable[[], str]) -> str:
    status, text = forked(work)
    assert status == 0, text
    return text


def restore(begin: Path, home: Path) -> None:
    subprocess.run(["cp", "-a", str(begin), str(home)], check=True)


def state(site: SimSite) -> dict[str, object]:
    """Everything that a site leaves behind, without what is different each time: secrets, times, keys of services."""
    machines = site.home / ".outlast/sim/machines"
    found: dict[str, object] = {}
    for path in sorted(site.home.rglob("*")):
        parts = path.relative_to(site.home).parts
        is_shown = parts[:3] == (".outlast", "sim", "machines") and parts[4:5] == ("root",)
        if not (is_shown and set(parts[5:6]) & NOT_ITS_OWN) and "__pycache__" not in parts:
            found[str(path.relative_to(site.home))] = "" if path.is_symlink() else oct(path.stat().st_mode)
    for power in sorted(machines.glob("*/systemd.json")):
        services = json.loads(power.read_text())["services"]
        found[f"services of {power.parent.name}"] = {name: s["state"] for name, s in sorted(services.items())}
    for path in sorted(machines.glob("*/root/var/lib/outlast/ledger.json")):
        ledger = json.loads(path.read_text())
        # What it notes of each file and service is a digest, often of a secret.
        names = {key: sorted(ledger[key]) for key in ("files", "services", "once")}
        found[f"ledger of {path.parts[-6]}"] = {"site": ledger["site"], "generation": ledger["generation"], **names}
    blueprint = site.home / ".outlast/blueprint.json"
    found["blueprint"] = hashlib.sha256(blueprint.read_bytes()).hexdigest()
    return found


def differences(wanted: dict[str, object], found: dict[str, object]) -> Iterator[str]:
    for key in sorted({*wanted, *found}):
        if wanted.get(key) != found.get(key):
            yield f"{key}: {found.get(key, 'is not there')}, not {wanted.get(key, 'there')}"
