"""Whether `outlast check` tells the truth: `sudo .venv/bin/python -m bench.audit [shop|compact|alone] [--pools]`.

Brings the shop up under a name of its own, cuts off each machine (with --pools each whole pool as well), uses every
service, and compares with the verdicts of `check`. `alone` is a shop with one edge, one app machine and one voter for
coordination: there the loss of a machine stops something. Exit code 1 when any verdict differs.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bench.services import Asker, prepare
from rich.console import Console
from rich.table import Table
from tests.lab.site import LabSite, copy_of, until

from outlast.controller.store import Store

SITE = "outlast-bench-audit"
# What is asked begins so long after the cut: before, the old connections may still tell of yesterday.
GRACE = 2.0
# A service that has not answered by then has stopped. The longest failover that was measured takes 3 s.
LIMIT = 12.0
HEALTHY_LIMIT = 120.0
VARIANTS = {
    "shop": (),
    "compact": (("\ndatacenters:", "\nfootprint: compact\ndatacenters:"),),
    "alone": (
        ("{ machines: lab }", "{ machines: lab, pools: { edge: 1 } }"),
        ("min: 2", "min: 1"),
        ("\ndatabase:", "\ncoordination: { members: 1 }\ndatabase:"),
    ),
}


@dataclass(frozen=True)
class Trial:
    """One loss: what `check` said of each service, what was found, and how long the site took to heal (s)."""

    lost: str
    said: dict[str, bool]
    found: dict[str, bool]
    healed: float

    @property
    def differs(self) -> bool:
        """Any verdict was wrong."""
        return self.said != self.found


def main() -> int:
    """Try every loss and print one table."""
    variant = next((word for word in sys.argv[1:] if not word.startswith("-")), "shop")
    site, console = copy_of("shop", SITE), Console(highlight=False, width=150)
    for old, new in VARIANTS[variant]:
        site.edit(old, new)
    kinds = {"machine", "pool"} if "--pools" in sys.argv else {"machine"}
    try:
        site.run("up", "--yes", limit=600)
        said = checked(site)
        prepare(site)
        # A pool that is the whole site leaves nobody to ask.
        losses = [loss for loss in said["losses"] if loss["kind"] in kinds and len(loss["machines"]) < said["machines"]]
        trials = [trial(site, loss, console) for loss in losses]
    finally:
        site.run("down", "--yes", expect=None)
    console.print(table(trials))
    wrong = [trial.lost for trial in trials if trial.differs]
    console.print(f"{len(trials)} losses, {len(wrong)} with a wrong verdict{': ' if wrong else ''}{', '.join(wrong)}")
    return 1 if wrong else 0


def checked(site: LabSite) -> dict[str, Any]:
    """What `check` says of the site."""
    return json.loads(site.run("check", "--json").stdout)


def trial(site: LabSite, loss: dict[str, Any], console: Console) -> Trial:
    """Cut the machines of one loss off, use every service, mend, and wait until all is well."""
    until("the site is healthy", lambda: site.status()["healthy"], HEALTHY_LIMIT)
    provider = site.provider()
    blueprint = Store(site.home / ".outlast").blueprint()
    assert blueprint is not None
    alive = [machine for machine in blueprint.topology.machines if machine.name not in loss["machines"]]
    asker = Asker(site, blueprint, alive)
    for machine in loss["machines"]:
        asyncio.run(provider.cut(machine))
    try:
        time.sleep(GRACE)
        said = {verdict["service"]: verdict["survives"] for verdict in loss["services"]}
        with ThreadPoolExecutor() as threads:
            asked = {service: threads.submit(within, asker, service) for service in said}
        found = {service: answer.result() for service, answer in asked.items()}
    finally:
        for machine in loss["machines"]:
            asyncio.run(provider.mend(machine))
    healed = until("the site is healthy again", lambda: site.status()["healthy"], HEALTHY_LIMIT)
    done = Trial(loss["lost"], said, found, healed)
    console.print(f"without {done.lost}: {'DIFFERS' if done.differs else 'as said'}, healthy after {healed:.1f} s")
    return done


def within(asker: Asker, service: str) -> bool:
    """Whether a service serves before its time is over."""
    ends = time.monotonic() + LIMIT
    while time.monotonic() < ends:
        if asker.serves(service):
            return True
        time.sleep(0.2)
    return False


def table(trials: list[Trial]) -> Table:
    """Losses against services; where both agree one sign, otherwise both."""
    services = list(trials[0].said)
    shown = Table("without", *services, "healthy again")
    for each in trials:
        cells = [cell(each.said[service], each.found[service]) for service in services]
        shown.add_row(each.lost, *cells, f"{each.healed:.1f} s")
    return shown


def cell(said: bool, found: bool) -> str:
    """What was said and found of one service."""
    signs = {True: "[green]●[/]", False: "[red]✗[/]"}
    return signs[found] if said == found else f"said {signs[said]} found {signs[found]}"


if __name__ == "__main__":
    sys.exit(main())
