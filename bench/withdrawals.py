"""Releases that do badly, and the way back, under load: `sudo .venv/bin/python -m bench.withdrawals [ROUNDS [RATE]]`.

Brings up the shop with four app machines, lets customers come at RATE requests a second (open loop, kept and new
connections, orders) and ships releases that crash, never become healthy, err or leak: each must be taken back by
itself. Prints what customers saw of each, from their first bad answer to their last, and how long the command took.
Then a sound release is shipped and left again by `rollback`, which is timed from the key to the prompt.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from statistics import median, quantiles

from bench.deploys import ELSEWHERE
from bench.traffic import Asked, Traffic
from rich.console import Console
from rich.table import Table
from tests.lab.site import LabSite, copy_of

from outlast.proof.computer import go_first

SITE = "bench-withdrawals"
QUIET = 3.0
# What customers may see of a release after its command has ended: answers that were under way.
AFTER = 1.0
SOUND, BACK = "is sound", "is left by `rollback`"


@dataclass(frozen=True)
class Release:
    """What is wrong with it, what its source says in addition, and what else the command says."""

    what: str
    more: str
    said: tuple[str, ...] = ()


AS_APP = "\nimport sys\nif 'gunicorn' in sys.argv[0]:\n    raise SystemExit('the oven is cold')\n"
EACH = "\n@app.before_request\ndef _ill():\n    from os import _exit, urandom\n    from flask import request\n"
ILL = (
    Release("crashes at its start", AS_APP),
    Release("never becomes healthy", f"{EACH}    return ('no', 503) if request.path == '/healthz' else None\n"),
    Release(
        "crashes at one request in ten", f"{EACH}    request.path == '/healthz' or urandom(1)[0] > 25 or _exit(1)\n"
    ),
    Release("answers 500 to one request in ten", f"{EACH}    return None if urandom(1)[0] > 25 else ('no', 500)\n"),
    Release("leaks 1 MB a request", f"\nHELD = []\n{EACH}    HELD.append(b'x' * 1_000_000)\n", ("--watch", "30s")),
)


@dataclass(frozen=True, slots=True)
class Shipped:
    """One command: from when to when it ran (seconds, monotonic), and why its release was taken back."""

    what: str
    began: float
    ended: float
    why: str

    def saw(self, asked: list[Asked]) -> list[Asked]:
        """The requests that were under way meanwhile."""
        return [each for each in asked if each.due < self.ended + AFTER and each.due + each.seconds > self.began]


def main() -> int:
    """Run it, and tell."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 200.0
    site = copy_of("shop", SITE)
    try:
        site.edit("scale: { min: 2, max: 8 }", "scale: { min: 4, max: 8 }")
        site.run("up", "--yes", limit=600)
        return asyncio.run(_run(site, rounds, rate))
    finally:
        site.run("down", "--yes", expect=None)


async def _run(site: LabSite, rounds: int, rate: float) -> int:
    urls = tuple(url.rstrip("/") for url in json.loads(site.run("up", "--yes", "--json").stdout)["urls"])
    traffic = Traffic(urls, site.home / ".outlast/ca.pem", rate)
    source = site.home / "app/shop/__init__.py"
    text = source.read_text()
    shipped: list[Shipped] = []
    go_first()
    async with traffic.coming():
        await asyncio.sleep(QUIET * 2)
        for number in range(rounds):
            for release in ILL:
                source.write_text(f"{text}\nROUND = {number}\n{release.more}")
                shipped.append(await asyncio.to_thread(_ship, site, release.what, "deploy", "web", *release.said))
                await asyncio.sleep(QUIET)
        for number in range(rounds):
            source.write_text(f"{text}\nSOUND = {number}\n")
            for what, *command in ((SOUND, "deploy", "web"), (BACK, "rollback", "web")):
                shipped.append(await asyncio.to_thread(_ship, site, what, *command))
                await asyncio.sleep(QUIET)
    lost = await traffic.missing()
    _tell(traffic, shipped, lost)
    stayed = [each for each in shipped if bool(each.why) == (each.what in (SOUND, BACK))]
    return 1 if lost or stayed else 0


def _ship(site: LabSite, what: str, *command: str) -> Shipped:
    began = time.monotonic()
    done = replace(site, before=ELSEWHERE).run(*command, "--json", expect=None)
    ended = time.monotonic()
    answer = json.loads(done.stdout)
    why = answer["findings"][0]["what"] + ": " + answer["findings"][0]["why"] if done.returncode else ""
    return Shipped(what, began, ended, why)


def _tell(traffic: Traffic, shipped: list[Shipped], lost: list[str]) -> None:
    console = Console(highlight=False, width=140)
    console.print(f"{len(traffic.asked):,} requests; {traffic.again} asked again over another connection")
    console.print(f"{len(traffic.orders):,} orders acknowledged, {len(lost)} lost")
    table = Table(box=None)
    table.add_column("a release")
    heads = ("times", "requests", "failed", "at most", "first to last s", "p99 ms", "took s", "longest s")
    for title in heads:
        table.add_column(title, justify="right")
    for what in dict.fromkeys(each.what for each in shipped):
        mine = [each for each in shipped if each.what == what]
        saw = [each.saw(traffic.asked) for each in mine]
        wrong = [sorted(one.due + one.seconds for one in asked if one.wrong) for asked in saw]
        longest = max((times[-1] - times[0] for times in wrong if times), default=0.0)
        cuts = quantiles((one.seconds * 1000 for asked in saw for one in asked), n=100)
        took = [each.ended - each.began for each in mine]
        table.add_row(
            what,
            str(len(mine)),
            f"{sum(map(len, saw)):,}",
            str(sum(map(len, wrong))),
            str(max(map(len, wrong))),
            f"{longest:.1f}",
            f"{cuts[98]:.0f}",
            f"{median(took):.1f}",
            f"{max(took):.1f}",
        )
    console.print(table)
    for line, count in Counter(f"{each.what}: {each.why}" for each in shipped if each.why).most_common():
        console.print(f"{count} x {line}")
    for line, count in Counter(f"{each.kind} {each.wrong}" for each in traffic.asked if each.wrong).most_common():
        console.print(f"{count} x {line}")


if __name__ == "__main__":
    sys.exit(main())
