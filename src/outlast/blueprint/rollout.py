"""The order of change: a service is touched after the services it uses, never before. Pure."""

from __future__ import annotations

from outlast.blueprint.blueprint import Stage
from outlast.topology.topology import Topology
from outlast.topology.wire import Wiring


def stages(topology: Topology, wiring: Wiring) -> tuple[Stage, ...]:
    """One stage for each service in each data centre, each naming the stages it waits for."""
    placed = topology.clusters
    return tuple(
        Stage(
            name=stage_name(datacenter, service),
            datacenter=datacenter,
            service=service,
            component=members[0].component,
            members=tuple(member.name for member in members),
            after=tuple(
                stage_name(datacenter, provider)
                for provider in wiring.providers(service)
                if (datacenter, provider) in placed and not _mutual(wiring, service, provider)
            ),
        )
        for (datacenter, service), members in sorted(placed.items())
    )


def stage_name(datacenter: str, service: str) -> str:
    """What a stage is called, in progress and in errors."""
    return f"{datacenter}/{service}"


def _mutual(wiring: Wiring, service: str, provider: str) -> bool:
    """Two services that use each other would wait for ever: the one first by name goes first."""
    return service in wiring.providers(provider) and service < provider
