"""Single points of failure: machines whose loss alone stops a service. The owner may accept them: warnings. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from outlast.blueprint.audit.dependence import Cluster, Dependence
from outlast.blueprint.audit.survival import LossKind, Outcome, losses, suffer
from outlast.blueprint.blueprint import Blueprint
from outlast.contract.component import InPool
from outlast.contract.registry import Registry
from outlast.kernel.errors import Finding, Severity
from outlast.site.schema import Site


def check(site: Site, registry: Registry, blueprint: Blueprint, dependence: Dependence) -> list[Finding]:
    """Services that the loss of one machine stops, and votes that can end in a draw."""
    outcomes = [suffer(dependence, loss) for loss in losses(blueprint.topology) if loss.kind is LossKind.MACHINE]
    return [
        *_single_points(site, registry, outcomes),
        *(_draw(site, cluster) for cluster in dependence.clusters.values() if _even(cluster)),
    ]


def _single_points(site: Site, registry: Registry, outcomes: list[Outcome]) -> list[Finding]:
    """One finding for each place of the file that can be changed, with everything that stops because of it."""
    found: dict[str, _Point] = {}
    for outcome in outcomes:
        # A member beside its consumers stands and falls with them: what is said of them is enough.
        roots = [c for c in outcome.by_themselves if not registry[c.members[0].component].is_beside]
        for cluster in roots:
            where, fix = _remedy(site, registry, cluster)
            point = found.setdefault(where, _Point(cluster, fix))
            point.services[cluster.service] = None
            point.machines[outcome.loss.lost] = None
            point.others.update(dict.fromkeys(c.service for c in outcome.stopped.values() if c not in roots))
    return [_alone(where, point) for where, point in found.items()]


@dataclass
class _Point:
    """What is gathered of one single point: services that stop by themselves, machines, and services that follow."""

    cluster: Cluster
    fix: str
    services: dict[str, None] = field(default_factory=dict[str, None])
    machines: dict[str, None] = field(default_factory=dict[str, None])
    others: dict[str, None] = field(default_factory=dict[str, None])


def _alone(where: str, point: _Point) -> Finding:
    have, needed = len(point.cluster.members), point.cluster.needed
    share = "there is no other member" if have == 1 else f"{needed} of {have} members are needed"
    others = listed([service for service in point.others if service not in point.services])
    return Finding(
        where=where,
        what=f"losing {listed(list(point.machines), 'or')} stops {listed(list(point.services))}",
        why=f"{share}; with it {others} would stop too" if others else share,
        fix=point.fix,
        severity=Severity.WARNING,
    )


def _remedy(site: Site, registry: Registry, cluster: Cluster) -> tuple[str, str]:
    """The place in the file, and what to do there."""
    wish = next(wish for wish in site.wishes if wish.name == cluster.service)
    placement = registry[wish.component].placement
    enough = 3 if cluster.quorum else 2
    if isinstance(placement, InPool) and placement.count is None:
        where = f"datacenters.{cluster.datacenter}.pools.{placement.pool}"
        return where, f"give pool {placement.pool} at least {enough} machines"
    return _path(site, cluster.service), f"ask for at least {enough} members of {cluster.service}"


def _even(cluster: Cluster) -> bool:
    return cluster.quorum and len(cluster.members) % 2 == 0


def _draw(site: Site, cluster: Cluster) -> Finding:
    votes = len(cluster.members)
    return Finding(
        where=_path(site, cluster.service),
        what=f"{cluster.service} has {votes} votes in {cluster.datacenter}, which is an even number",
        why="when the network splits them in halves no half is a majority; one vote less survives as many losses",
        fix=f"ask for {votes + 1} members of {cluster.service}, or for an arbiter",
        severity=Severity.WARNING,
    )


def _path(site: Site, service: str) -> str:
    """Where the owner asks for a service."""
    section = next(wish.section for wish in site.wishes if wish.name == service)
    return section if section == service else f"{section}.{service}"


def listed(names: list[str], word: str = "and") -> str:
    """`a, b and c`."""
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
