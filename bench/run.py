"""How placing and compiling grow with the site: `python bench/run.py`. Prints ratios; judges nothing.

Each size is measured several times in turn with the smallest one, and the medians are compared: the box is
noisy, ratios within one run are not.
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from outlast.blueprint.compile import compile_blueprint
from outlast.blueprint.diff import diff
from outlast.contract.bundle import Artifact
from outlast.contract.registry import discover
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.place import place
from outlast.topology.sections import sections
from outlast.topology.topology import Ground

SIZES = (10, 100, 400)
ROUNDS = 5
NETWORK = Ground("east", "10.200.0.0/16")
TEXT = """
site: bench
domain: bench.test
datacenters: {{ east: {{ machines: lab }} }}
apps:
  web:
    source: .
    run: serve
    scale: {{ min: {size} }}
"""


def main() -> None:
    """Measure every size and print one table."""
    registry = discover()
    artifact = {"web": Artifact("web", "0" * 12, "/srv/outlast/web/" + "0" * 12)}
    sites = {size: load(TEXT.format(size=size), "bench", sections(registry)).site for size in SIZES}

    def work(site: Site) -> None:
        topology = place(site, registry, [NETWORK], None)
        diff(None, compile_blueprint(site, registry, topology, artifact, None))

    seconds = {size: [timed(lambda size=size: work(sites[size])) for _ in range(ROUNDS)] for size in SIZES}
    table = Table("app machines", "median s", "s per machine against the smallest")
    base = statistics.median(seconds[SIZES[0]]) / SIZES[0]
    for size in SIZES:
        median = statistics.median(seconds[size])
        table.add_row(str(size), f"{median:.3f}", f"{median / size / base:.2f}")
    console = Console()
    console.print(table)
    console.print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def timed(work: Callable[[], None]) -> float:
    """Seconds that `work` takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
