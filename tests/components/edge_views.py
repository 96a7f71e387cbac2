"""Views for the tests of the components in front of the database: two edges, two apps, three data machines."""

from __future__ import annotations

from typing import Any

import yaml

from outlast.contract.bundle import Artifact, Part
from outlast.contract.component import Component
from outlast.contract.interface import Endpoint, Http
from outlast.contract.view import Floating, NodeView, Peer

ADDRESS = {
    "east-edge-1": "10.0.0.11",
    "east-edge-2": "10.0.0.12",
    "east-app-1": "10.0.0.13",
    "east-app-2": "10.0.0.14",
    "east-data-1": "10.0.0.15",
    "east-data-2": "10.0.0.16",
    "east-data-3": "10.0.0.17",
}
FLOATING = (Floating("10.0.0.254", "east-edge-1"), Floating("10.0.0.253", "east-edge-2"))
RELEASE = Artifact("web", "0a1b2c", "/srv/outlast/web/0a1b2c")


def peers(kind: str, pool: str) -> tuple[Peer, ...]:
    machines = [name for name in ADDRESS if name.startswith(f"east-{pool}-")]
    return tuple(Peer(f"east-{kind}-{i}", i, name, ADDRESS[name]) for i, name in enumerate(machines, 1))


def backend(service: str, index: int, *routes: str, health: str = "/healthz", port: int = 8000) -> Endpoint:
    machine = f"east-app-{index}"
    http = Http(routes, health)
    return Endpoint("http-backend", service, f"east-{service}-{index}", machine, "east", ADDRESS[machine], port, http)


def view(
    component: Component[Any],
    pool: str,
    *,
    options: dict[str, Any] | None = None,
    service: str = "",
    index: int = 1,
    ports: tuple[tuple[str, int], ...] = (),
    endpoints: tuple[Endpoint, ...] = (),
    floating: tuple[Floating, ...] = FLOATING,
    artifact: Artifact | None = None,
    alone: bool = False,
) -> NodeView[Any]:
    members = peers(service or component.name, pool)
    own = members[index - 1]
    return NodeView(
        site="shop",
        domain="shop.test",
        service=service or component.name,
        datacenter="east",
        member=own.member,
        index=index,
        machine=own.machine,
        address=own.address,
        options=component.options.model_validate(options or {}),
        peers=(own,) if alone else members,
        ports=ports,
        endpoints=endpoints,
        floating=floating,
        artifact=artifact,
    )


def content(part: Part, path: str) -> str:
    return next(file.content for file in part.files if file.path == path)


def unit(part: Part, name: str) -> str:
    return next(service.unit for service in part.services if service.name == name)


def example(text: str, component: Component[Any]) -> Any:
    """The options that the documented example of a component gives; the first of many."""
    section = yaml.safe_load(text)[component.claim.key]
    return component.options.model_validate(next(iter(section.values())) if component.claim.many else section)
