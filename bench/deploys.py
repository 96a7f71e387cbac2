"""Deploys under load, beside the usual way: `sudo .venv/bin/python -m bench.deploys [DEPLOYS [RATE]]`.

Brings up the shop with four app machines, lets customers come at RATE requests a second (open loop, kept and new
connections, orders) and ships DEPLOYS releases in a row, each from another source. After each the usual way has its
turn in the same site: gunicorn is restarted by systemd on one machine after another behind the same HAProxy, each until
its health path answers. Prints what failed and how long requests took while nothing happened, while a release was
built, while it took over and during the usual way, and how long both took. Customers go first and the commands last:
both have computers of their own, which the site's processors stand in for here.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from statistics import median, quantiles

from bench.traffic import Asked, Traffic
from rich.console import Console
from rich.table import Table
from tests.lab.site import LabSite, copy_of

from outlast.proof.computer import go_first

SITE = "bench-deploys"
QUIET, APPS = 3.0, 4
# Last in its session, and last among the sessions.
ELSEWHERE = ("setsid", "--wait", "sh", "-c", 'echo 19 > /proc/self/autogroup; exec nice -n 19 "$@"', "elsewhere")
RESTART = """
unit=$(systemctl list-units --plain --no-legend 'outlast-app-web-?.service' | cut -d' ' -f1)
systemctl restart "$unit"
name=${unit#outlast-app-}
. "/etc/outlast/apps/${name%.service}.env"
until curl --silent --fail --noproxy '*' --output /dev/null "http://$HOST:$PORT/healthz"; do sleep 0.1; done
"""


def main() -> int:
    """Run it, and tell."""
    deploys = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 200.0
    site = copy_of("shop", SITE)
    try:
        site.edit("scale: { min: 2, max: 8 }", "scale: { min: 4, max: 8 }")
        site.run("up", "--yes", limit=600)
        return asyncio.run(_run(site, deploys, rate))
    finally:
        site.run("down", "--yes", expect=None)


@dataclass(frozen=True, slots=True)
class Window:
    """What happened from when to when, in seconds of the monotonic clock."""

    what: str
    began: float
    ended: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.ended - self.began


BUILD, TAKEOVER, USUAL, NOTHING = "a release is built", "it takes over", "usual restarts", "nothing happens"
BACK = "it is taken back"


async def _run(site: LabSite, deploys: int, rate: float) -> int:
    urls = tuple(url.rstrip("/") for url in json.loads(site.run("up", "--yes", "--json").stdout)["urls"])
    traffic = Traffic(urls, site.home / ".outlast/ca.pem", rate)
    windows: list[Window] = []
    source = site.home / "app/shop/__init__.py"
    text = source.read_text()
    go_first()
    async with traffic.coming():
        await asyncio.sleep(QUIET * 2)
        for number in range(deploys):
            source.write_text(f"{text}\nRELEASE = {number}\n")
            windows += await asyncio.to_thread(_deploy, site)
            await asyncio.sleep(QUIET)
            began = time.monotonic()
            await asyncio.to_thread(_restart, site)
            windows.append(Window(USUAL, began, time.monotonic()))
            await asyncio.sleep(QUIET)
    lost = await traffic.missing()
    _tell(traffic, windows, lost)
    mine = [a for a in traffic.asked if a.wrong and _during(a, windows) != USUAL]
    return 1 if lost or mine or any(window.what == BACK for window in windows) else 0


def _deploy(site: LabSite) -> tuple[Window, ...]:
    """One deploy: its build, and what came after."""
    began = time.monotonic()
    done = replace(site, before=ELSEWHERE).run("deploy", "web", "--json", expect=None)
    ended = time.monotonic()
    answer = json.loads(done.stdout)
    if done.returncode:
        # A sound release that is found wanting is a finding, and the others go on.
        Console(stderr=True).print(*(f"{each['where']}: {each['why']}" for each in answer["findings"]), sep="\n")
        return (Window(BACK, began, ended),)
    built = max((span["end"] for span in answer["timings"] if span["name"].startswith("build ")), default=0.0)
    # The command's own start lies before its first span, and next to nothing after its last one.
    middle = ended - max(span["end"] for span in answer["timings"]) + built
    return Window(BUILD, began, middle), Window(TAKEOVER, middle, ended)


def _restart(site: LabSite) -> None:
    """The usual way: one machine after another."""
    for number in range(1, APPS + 1):
        replace(site, before=ELSEWHERE).run("exec", f"east-app-{number}", "--", "sh", "-c", RESTART)


def _during(asked: Asked, windows: list[Window]) -> str:
    """What happened while the request was under way."""
    done = asked.due + asked.seconds
    return next((w.what for w in windows if asked.due < w.ended and done > w.began), NOTHING)


def _tell(traffic: Traffic, windows: list[Window], lost: list[str]) -> None:
    console = Console(highlight=False, width=120)
    console.print(f"{len(traffic.asked):,} requests; {traffic.again} asked again over another connection")
    console.print(f"{len(traffic.orders):,} orders acknowledged, {len(lost)} lost")
    table = Table(box=None)
    for title in ("while", "times", "median s", "longest s", "requests", "failed", "p50 ms", "p99 ms", "longest ms"):
        table.add_column(title, justify="right")
    asked: dict[str, list[Asked]] = {what: [] for what in (NOTHING, BUILD, TAKEOVER, BACK, USUAL)}
    for each in traffic.asked:
        asked[_during(each, windows)].append(each)
    for what, found in asked.items():
        took = sorted(window.seconds for window in windows if window.what == what)
        times = (str(len(took)), f"{median(took):.1f}", f"{took[-1]:.1f}") if took else ("", "", "")
        table.add_row(what, *times, *_figures(found))
    console.print(table)
    wrong = Counter(f"{_during(each, windows)}: {each.kind} {each.wrong}" for each in traffic.asked if each.wrong)
    for line, count in wrong.most_common():
        console.print(f"{count} x {line}")


def _figures(asked: list[Asked]) -> tuple[str, ...]:
    wrong = str(sum(bool(each.wrong) for each in asked))
    if len(asked) < 2:
        return (str(len(asked)), wrong, "", "", "")
    seconds = sorted(each.seconds * 1000 for each in asked)
    cuts = quantiles(seconds, n=100)
    return (f"{len(asked):,}", wrong, f"{cuts[49]:.1f}", f"{cuts[98]:.1f}", f"{seconds[-1]:.0f}")


if __name__ == "__main__":
    sys.exit(main())
