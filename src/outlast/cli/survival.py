"""Shows what a site survives: losses against services, losses of one kind in one row, and why something stops."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.table import Table

from outlast.blueprint.audit.dependence import Dependence
from outlast.blueprint.audit.survival import LossKind, Outcome, Verdict, verdicts

GOES_ON, STOPS = "[green]●[/]", "[red]✗[/]"
NAMED = 3


def table(dependence: Dependence, outcomes: Sequence[Outcome]) -> Table:
    """One row for all losses that have the same outcome in one pool, one column for each service."""
    services = list(dict.fromkeys(service for _, service in dependence.clusters))
    datacenters = {datacenter for datacenter, _ in dependence.clusters}
    shown = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    shown.add_column("WITHOUT", no_wrap=True)
    for service in services:
        shown.add_column(service, no_wrap=True)
    for name, outcome in _rows(dependence, outcomes):
        cells = [_cell(outcome, service, many=len(datacenters) > 1) for service in services]
        shown.add_row(name, *cells)
    return shown


def whys(dependence: Dependence, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, tuple[Verdict, ...]]]:
    """Each row in which something stops, with what stops.

    No news are data centres, with which all that they have is lost, and pools of one machine, which has a row itself.
    """
    for name, outcome in _rows(dependence, outcomes):
        kind, several = outcome.loss.kind, len(outcome.loss.machines) > 1
        if outcome.stopped and (kind is LossKind.MACHINE or (kind is LossKind.POOL and several)):
            yield name, tuple(verdict for verdict in verdicts(dependence, outcome) if not verdict.survives)


def _rows(dependence: Dependence, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, Outcome]]:
    """A name and one outcome that stands for all like it."""
    grouped: dict[tuple[object, ...], list[Outcome]] = {}
    for outcome in outcomes:
        machine = dependence.machines[outcome.loss.machines[0]]
        key = (outcome.loss.kind, machine.datacenter, machine.pool, tuple(outcome.stopped))
        # Pools and data centres stand for themselves.
        single = outcome.loss.kind is LossKind.MACHINE
        grouped.setdefault(key if single else (outcome.loss.kind, outcome.loss.lost), []).append(outcome)
    sizes: dict[tuple[str, str], int] = {}
    for machine in dependence.machines.values():
        place = (machine.datacenter, machine.pool)
        sizes[place] = sizes.get(place, 0) + 1
    for alike in grouped.values():
        machine = dependence.machines[alike[0].loss.machines[0]]
        size = sizes[machine.datacenter, machine.pool]
        yield _name(alike, f"{machine.datacenter}-{machine.pool}", size), alike[0]


def _name(alike: Sequence[Outcome], pool: str, size: int) -> str:
    loss = alike[0].loss
    match loss.kind:
        case LossKind.POOL:
            return f"pool {loss.lost}"
        case LossKind.DATACENTER:
            return f"data centre {loss.lost}"
        case LossKind.MACHINE if len(alike) == size > 1:
            return f"any one of {pool}-1 to {pool}-{size}"
        case LossKind.MACHINE:
            names = [outcome.loss.lost for outcome in alike]
            more = f" or {len(names) - NAMED} more" if len(names) > NAMED else ""
            return " or ".join(names[:NAMED]) + more


def _cell(outcome: Outcome, service: str, *, many: bool) -> str:
    stopped = [datacenter for datacenter, name in outcome.stopped if name == service]
    return f"{STOPS} {' '.join(stopped) if many else ''}".rstrip() if stopped else GOES_ON
