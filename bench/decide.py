"""How deciding grows: `python -m bench.decide`. Sites of 100, 1,000 and 10,000 machines, all well, and with one in a
hundred gone; decisions in a second, one after the other in one process."""

from __future__ import annotations

import time
from statistics import median

from rich.console import Console
from rich.table import Table

from outlast.contract.probe import Health
from outlast.contract.scaling import Scaling
from outlast.policy.decide import decide
from outlast.policy.memory import Memory
from outlast.policy.observation import Known, LoadSeen, MachineSeen, Observation, Presence
from outlast.policy.shape import Cluster, Shape

SIZES = (100, 1_000, 10_000)
ROUNDS = 7
EACH = 50


def shape(machines: int) -> Shape:
    """Fifty machines for each app, two members on each."""
    clusters: list[Cluster] = []
    homes: dict[str, str] = {}
    for first in range(0, machines, EACH):
        for service in ("web", "proxy"):
            names = tuple(f"{service}-{number}" for number in range(first, min(first + EACH, machines)))
            clusters.append(Cluster(f"east/{service}{first}", names, 1, keeps=False))
            homes |= {name: f"m{name.partition('-')[2]}" for name in names}
    return Shape(tuple(clusters), homes)


def look(site: Shape, now: float, gone: int) -> Observation:
    """All is well, but every `gone`-th machine is without power (0: none)."""
    machines: dict[str, MachineSeen] = {}
    for number, name in enumerate(site.machines):
        is_off = bool(gone) and number % gone == 0
        presence = Known(Presence.OFF if is_off else Presence.ON, now)
        machines[name] = MachineSeen(presence, now - 60 if is_off else now)
    loads = {cluster.service: LoadSeen(Known(100.0, now)) for cluster in site.clusters}
    return Observation(now, machines, {member: Known(Health.HEALTHY, now) for member in site.homes}, loads)


def main() -> None:
    """Print one table."""
    table = Table(box=None, pad_edge=False)
    for column in ("machines", "all well: decisions/s", "one in a hundred gone: decisions/s"):
        table.add_column(column, justify="right")
    for machines in SIZES:
        site = shape(machines)
        scalings = {cluster.service: Scaling(2, 100, 10, 0.6) for cluster in site.clusters}
        rates: list[str] = []
        for gone in (0, 100):
            took: list[float] = []
            memory = Memory()
            for number in range(ROUNDS):
                seen = look(site, float(number), gone)
                began = time.perf_counter()
                memory = decide(seen, site, scalings, memory).memory
                took.append(time.perf_counter() - began)
            rates.append(f"{1 / median(took):,.0f}")
        table.add_row(f"{machines:,}", *rates)
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
