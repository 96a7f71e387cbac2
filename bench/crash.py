"""Kills a real `outlast up` at random moments: `sudo .venv/bin/python -m bench.crash 20`.

A small site of its own (two edges, one app, three for data) in the lab, with its database. Each trial of a first `up`
begins with nothing, each trial of a change with the site up and another release, setting and number of machines; the
process gets SIGKILL at its moment, the same command is run again, and everything is judged: healthy, nothing left to
do, and no machine, process, mount, namespace or folder that the site does not ask for. Moments are drawn from --seed
over the length of an `up` that nobody kills, which is measured first. Each result stands in --results at once, so a
run that was interrupted goes on where it stopped, and --first and --change can be run apart. Exits 1 if a trial failed.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from tests.lab.site import HOMES, LabSite, traces

from outlast.machines.nspawn.names import Identity

SITE = "outlast-bench-crash"
IDENTITY = Identity(SITE, HOMES / SITE)
MOST_TRIALS = 100
UP_LIMIT = 240.0
APP = """\
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"release {release}")

HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answer).serve_forever()
"""
FILE = """\
site: {site}
domain: crash.test
datacenters: {{ east: {{ machines: lab }} }}
apps:
  web: {{ source: ./app, run: python3 serve.py, uses: [database], scale: {{ min: {machines} }} }}
database: {{ engine: mariadb, buffer_pool: {pool} MiB }}
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """One kill: after how many seconds, whether the process still ran then, what it said last, and what was wrong in
    the end."""

    kind: str
    number: int
    moment: float
    killed: bool
    again: float
    phase: str
    wrong: tuple[str, ...]


def main() -> int:
    """Run what the command line asks for, go on where an earlier run stopped, and print the table."""
    asked = _asked()
    console = Console(highlight=False)
    home = HOMES / SITE
    site = LabSite(home)
    kinds = [kind for kind, wanted in (("first", asked.first), ("change", asked.change)) if wanted] or [
        "first",
        "change",
    ]
    done = _read(asked.results)
    try:
        for kind in kinds:
            left = [
                n for n in range(min(asked.trials, MOST_TRIALS)) if (kind, n) not in {(t.kind, t.number) for t in done}
            ]
            length = _length(site, kind) if left else 0.0
            for number in left:
                moment = random.Random(f"{asked.seed} {kind} {number}").uniform(0, length)
                trial = _trial(site, kind, number, moment)
                with asked.results.open("a") as file:
                    file.write(json.dumps(asdict(trial)) + "\n")
                done.append(trial)
                console.print(
                    f"{kind} {number}: {moment:.2f} of {length:.1f} s ({trial.phase}), then {trial.again} s: "
                    f"{'; '.join(trial.wrong) or 'converged'}",
                    soft_wrap=True,
                )
    finally:
        if home.exists():
            site.run("down", "--yes", expect=None)
    leftovers = traces(SITE)
    console.print(_table(done))
    console.print(f"left behind in the end: {leftovers or 'nothing'}")
    return 1 if leftovers or any(trial.wrong for trial in done) else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("trials", type=int, nargs="?", default=20, help="of each kind")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--first", action="store_true", help="only kills of a first up")
    parser.add_argument("--change", action="store_true", help="only kills of a change")
    parser.add_argument("--results", type=Path, default=Path("/var/tmp/outlast-bench-crash.jsonl"))
    return parser.parse_args()


def _read(path: Path) -> list[Trial]:
    lines = path.read_text().splitlines() if path.exists() else []
    return [Trial(**{**json.loads(line), "wrong": tuple(json.loads(line)["wrong"])}) for line in lines]


def _length(site: LabSite, kind: str) -> float:
    """How long an `up` of this kind takes that nobody kills, in seconds."""
    _begin(site, kind)
    began = time.monotonic()
    site.run("up", "--yes", limit=UP_LIMIT)
    return time.monotonic() - began


def _trial(site: LabSite, kind: str, number: int, moment: float) -> Trial:
    _begin(site, kind)
    victim = site.start("up", "--yes")
    try:
        said = "".join(victim.communicate(timeout=moment))
    except subprocess.TimeoutExpired:
        victim.kill()
        said = "".join(victim.communicate())
    phase = next(iter(said.strip().splitlines()[-1:]), "nothing said yet")
    killed = victim.returncode < 0
    began = time.monotonic()
    done = site.run("up", "--yes", expect=None, limit=UP_LIMIT)
    again = time.monotonic() - began
    failed = [] if done.returncode == 0 else [f"the next up failed: {done.stderr.strip()[-500:]}"]
    return Trial(kind, number, round(moment, 3), killed, round(again, 1), phase, tuple(failed + _wrong(site)))


def _begin(site: LabSite, kind: str) -> None:
    """The state in which the killed `up` begins."""
    if (site.home / "site.yaml").exists() and kind == "first":
        site.run("down", "--yes")
    _write(site, release=1, machines=1, pool=128)
    if kind == "change":
        site.run("up", "--yes", limit=UP_LIMIT)
        _write(site, release=2, machines=2, pool=160)


def _write(site: LabSite, *, release: int, machines: int, pool: int) -> None:
    (site.home / "app").mkdir(parents=True, exist_ok=True)
    (site.home / "app" / "serve.py").write_text(APP.replace("{release}", str(release)))
    (site.home / "site.yaml").write_text(FILE.format(site=SITE, machines=machines, pool=pool))


def _wrong(site: LabSite) -> list[str]:
    """Everything that is not as it should be now."""
    status = site.status()
    found = [] if status.get("healthy") else ["not healthy"]
    plan = site.run("plan", "--detailed-exitcode", expect=None)
    if plan.returncode != 0:
        found.append(f"the plan is not empty: {(plan.stdout + plan.stderr).strip()[-300:]}")
    again = site.run("up", "--yes", "--json", expect=None, limit=UP_LIMIT)
    if again.returncode != 0 or json.loads(again.stdout)["done"]:
        found.append(f"the third up found something to do: {again.stdout.strip()[-300:]}")
    names = {machine["name"] for machine in status.get("machines", [])}
    found += _ledgers(names)
    found += [f"orphan: cable {cable}" for cable in sorted(_cables() ^ {IDENTITY.cable(name) for name in names})]
    return found + [f"orphan: {trace}" for trace in traces(SITE) if not _is_wanted(trace, names)]


def _ledgers(names: set[str]) -> list[str]:
    """What is odd about the machines' ledgers: all tell of the same blueprint, the one that the site keeps."""
    wanted = json.loads((HOMES / SITE / ".outlast/blueprint.json").read_text())["generation"]
    paths = {name: IDENTITY.machines / name / "root/var/lib/outlast/ledger.json" for name in names}
    told = {name: json.loads(path.read_text())["generation"] for name, path in paths.items()}
    return [f"ledger of {name}: generation {own}, not {wanted}" for name, own in sorted(told.items()) if own != wanted]


def _cables() -> set[str]:
    """The cables in the lab's switch; of a whole machine there is one, and none of any other."""
    done = subprocess.run(
        ["ip", "-netns", IDENTITY.switch, "-json", "link"], capture_output=True, text=True, check=False
    )
    links: list[dict[str, str]] = json.loads(done.stdout or "[]")
    return {link["ifname"] for link in links if link["ifname"].startswith("olv")}


def _is_wanted(trace: str, names: set[str]) -> bool:
    """Whether a trace is of the lab itself, or of a machine that the site asks for."""
    kind, _, what = trace.partition(" ")
    machine = "|".join(re.escape(name) for name in sorted(names)) or "none"
    lab = f"{SITE}-[0-9a-f]{{6}}"
    match kind:
        case "folder":
            held = {path.name for path in Path(what).glob("machines/*")}
            return held == names and not list(Path(what).glob("builds/*"))
        case "namespace":
            return re.fullmatch(f"outlast-{lab}(-({machine}))?", what) is not None
        case "mount":
            disk, space = f"/{lab}/machines/({machine})/root", f"/run/netns/outlast-{lab}(-({machine}))?"
            return re.search(f"({disk}|^{space})$", what) is not None
        case _:
            return re.search(f"--machine=outlast-{lab}-({machine})\0", what) is not None


def _table(trials: list[Trial]) -> Table:
    table = Table("up", "kills", "of a running up", "moments, s", "next up, s (median, most)", "converged")
    for kind in sorted({trial.kind for trial in trials}, reverse=True):
        own = [trial for trial in trials if trial.kind == kind]
        moments = sorted(trial.moment for trial in own)
        again = sorted(trial.again for trial in own)
        table.add_row(
            kind,
            str(len(own)),
            str(sum(trial.killed for trial in own)),
            f"{moments[0]:.1f} to {moments[-1]:.1f}",
            f"{again[len(again) // 2]:.1f}, {again[-1]:.1f}",
            f"{sum(not trial.wrong for trial in own)} of {len(own)}",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
