"""One site of a given size, from its text to its difference, in a process of its own: `python -m bench.size 1000`.

Prints JSON: seconds of processor time of each step (medians), MiB of rendered text and of peak memory.
`--mesh`: every app machine uses the database, so that every proxy knows all others;
otherwise forty in each data centre do.
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from rich.console import Console

from outlast.blueprint.audit import audit
from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.audit.survival import losses, suffer
from outlast.blueprint.blueprint import Blueprint, dump, parse
from outlast.blueprint.compile import compile_blueprint
from outlast.blueprint.diff import diff
from outlast.contract.bundle import Artifact
from outlast.contract.registry import Registry, discover
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.place import place
from outlast.topology.sections import sections
from outlast.topology.topology import Ground

T = TypeVar("T")
MOST_IN_DATACENTER = 1250
USING_DATABASE, DATA = 40, 3
MACHINES_PER_EDGE = 60
ROUNDS = {200: 7, 1000: 5}
FEWEST_ROUNDS = 3
DIGEST = "0" * 12


def main() -> None:
    """Measure the size that the command line asks for."""
    machines, mesh = int(sys.argv[1]), "--mesh" in sys.argv
    rounds = 1 if mesh and machines > max(ROUNDS) else ROUNDS.get(machines, FEWEST_ROUNDS)
    seconds: dict[str, list[float]] = {}
    text = site_text(machines, mesh=mesh)
    registry = discover()
    size = 0
    for _ in range(rounds):
        size = one_round(text, registry, seconds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    medians = {step: statistics.median(taken) for step, taken in seconds.items()}
    Console(soft_wrap=True).print_json(json.dumps({"seconds": medians, "text": size / 2**20, "memory": peak}))


def one_round(text: str, registry: Registry, seconds: dict[str, list[float]]) -> int:
    """Every step once; answers how many bytes were rendered."""

    def timed(step: str, work: Callable[[], T]) -> T:
        began = time.process_time()
        done = work()
        seconds.setdefault(step, []).append(time.process_time() - began)
        return done

    site: Site = timed("load", lambda: load(text, "bench", sections(registry)).site)
    grounds = [Ground(name, f"10.{200 + number}.0.0/16") for number, name in enumerate(site.datacenters)]
    artifacts = {name: Artifact(name, DIGEST, f"/srv/outlast/{name}/{DIGEST}") for name in ("web", "api")}
    topology = timed("place", lambda: place(site, registry, grounds, None))
    blueprint: Blueprint = timed("compile", lambda: compile_blueprint(site, registry, topology, artifacts, None))
    timed("audit", lambda: audit(site, registry, blueprint))
    dependence = Dependence(site, registry, topology)
    timed("losses", lambda: [suffer(dependence, loss) for loss in losses(topology)])
    timed("diff", lambda: diff(None, blueprint))
    timed("digests", lambda: [bundle.digest for bundle in blueprint.bundles])
    kept = timed("keep", lambda: dump(blueprint))
    timed("read", lambda: parse(kept, "bench"))
    again = timed("place again", lambda: place(site, registry, grounds, topology))
    same = timed("compile again", lambda: compile_blueprint(site, registry, again, artifacts, blueprint))
    assert same is blueprint, "nothing changed, so the blueprint is the one before"
    parts = (held.part for bundle in blueprint.bundles for held in bundle.parts)
    return sum(len(file.content) for part in parts for file in part.files)


def site_text(machines: int, *, mesh: bool) -> str:
    """A site file: data centres of equal size, one edge for sixty machines, three for data, the rest for two apps."""
    centres = max(2, -(-machines // MOST_IN_DATACENTER))
    each = machines // centres
    edge = max(2, each // MACHINES_PER_EDGE)
    app = each - edge - DATA
    api = app if mesh else USING_DATABASE
    places = "\n".join(f"  d{n}: {{ machines: lab, pools: {{ edge: {edge}, app: {app} }} }}" for n in range(centres))
    web = max(1, app - api)
    return f"""
site: bench
domain: bench.test
datacenters:
{places}
apps:
  web: {{ source: ., run: serve, scale: {{ min: {web} }} }}
  api: {{ source: ., run: serve, uses: [database], routes: [/api], scale: {{ min: {api} }} }}
database: {{ engine: mariadb }}
"""


if __name__ == "__main__":
    main()
