"""The order of change: a service is touched after the services it uses, never before. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from outlast.blueprint.blueprint import Stage
from outlast.contract.changeover import Changeover
from outlast.topology.topology import Topology
from outlast.topology.wire import Wiring


def stages(topology: Topology, wiring: Wiring) -> tuple[Stage, ...]:
    """One stage for each service in each data centre, each naming the stages it waits for."""
    placed = topology.clusters
    uses = {service: wiring.providers(service) for _, service in placed}
    return tuple(
        Stage(
            name=stage_name(datacenter, service),
            datacenter=datacenter,
            service=service,
            component=members[0].component,
            members=tuple(member.name for member in members),
            after=tuple(
                stage_name(datacenter, provider)
                for provider in uses[service]
                if (datacenter, provider) in placed and not (service < provider and _reaches(uses, provider, service))
            ),
            changeover=_changeover(wiring, service),
        )
        for (datacenter, service), members in sorted(placed.items())
    )


def _changeover(wiring: Wiring, service: str) -> Changeover | None:
    changeover = wiring.component(service).changeover
    return changeover(wiring.wish(service).options) if changeover else None


def stage_name(datacenter: str, service: str) -> str:
    """What a stage is called, in progress and in errors."""
    return f"{datacenter}/{service}"


def _reaches(uses: Mapping[str, tuple[str, ...]], service: str, target: str) -> bool:
    """Whether a service uses `target`, directly or through others.

    Services in such a ring would wait for each other for ever: there the one first by name goes first.
    """
    seen: set[str] = set()
    frontier = {service}
    while frontier:
        seen |= frontier
        frontier = {provider for name in frontier for provider in uses.get(name, ())} - seen
    return target in seen
