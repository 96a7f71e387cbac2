"""How deciding grows: `python -m bench.decide`. Sites of 100, 1,000 and 10,000 machines, all well, and with one in a
hundred gone; decisions in a second of one processor, and how much more than the smallest site takes each machine costs.

Sizes take turns, each for as many decisions as make ten thousand machines, so that whatever else this computer does
meets them alike; processor time, medians."""

from __future__ import annotations

import gc
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
ROUNDS = 21
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
    cases = [(machines, gone) for machines in SIZES for gone in (0, 100)]
    sites = {machines: shape(machines) for machines in SIZES}
    memories = {case: Memory() for case in cases}
    took: dict[tuple[int, int], list[float]] = {case: [] for case in cases}
    for number in range(ROUNDS):
        for machines, gone in cases:
            site = sites[machines]
            scalings = {cluster.service: Scaling(2, 100, 10, 0.6) for cluster in site.clusters}
            seen = look(site, float(number), gone)
            times = max(SIZES) // machines
            gc.collect()
            began = time.process_time()
            for _ in range(times):
                memories[machines, gone] = decide(seen, site, scalings, memories[machines, gone]).memory
            took[machines, gone].append((time.process_time() - began) / times)
    table = Table(box=None, pad_edge=False)
    for column in ("machines", "all well: a second", "each costs", "1 % gone: a second", "each costs"):
        table.add_column(column, justify="right")
    for machines in SIZES:
        row: list[str] = []
        for gone in (0, 100):
            seconds = median(took[machines, gone])
            least = median(took[SIZES[0], gone]) / SIZES[0]
            row += [f"{1 / seconds:,.0f}", f"x {seconds / machines / least:.2f}"]
        table.add_row(f"{machines:,}", *row)
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
