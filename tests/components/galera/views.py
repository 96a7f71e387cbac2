"""Views of members of the database, and the programs that are put on their machines."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from outlast.components.galera.component import COMPONENT
from outlast.components.galera.options import DatabaseOptions
from outlast.contract.bundle import Part
from outlast.contract.interface import Endpoint
from outlast.contract.view import NodeView, Peer

PROGRAMS = "/usr/lib/outlast/galera"


def view(index: int = 1, clients: tuple[str, ...] = ("web",), **options: Any) -> NodeView[DatabaseOptions]:
    """One member of a database on machines 10.0.0.11, 10.0.0.12, ..."""
    chosen = DatabaseOptions.model_validate(options)
    peers = tuple(Peer(f"east-galera-{i}", i, f"east-data-{i}", f"10.0.0.1{i}") for i in range(1, chosen.votes + 1))
    provided = COMPONENT.provides(chosen, index)
    health = tuple(
        Endpoint("mysql-health", "database", p.member, p.machine, "east", p.address, 9306)
        for p in peers
        if p.index <= chosen.members and p.index != index
    )
    return NodeView(
        site="shop",
        domain="shop.test",
        service="database",
        datacenter="east",
        member=peers[index - 1].member,
        index=index,
        machine=peers[index - 1].machine,
        address=peers[index - 1].address,
        options=chosen,
        peers=peers,
        ports=tuple((p.interface, p.port or 0) for p in provided),
        endpoints=health,
        clients=clients,
    )


def content(part: Part, path: str) -> str:
    """The text of one file of a part."""
    return next(file.content for file in part.files if file.path == path)


def program(name: str) -> Any:
    """A program of the machine as a module; nothing of it runs."""
    part = COMPONENT.render(view())
    made: dict[str, ModuleType] = {}
    for needed in dict.fromkeys(("cluster", "neighbours", "accounts", "guard", "joining", "sessions", "room", name)):
        made[needed] = sys.modules[needed] = ModuleType(needed)
        exec(compile(content(part, f"{PROGRAMS}/{needed}.py"), needed, "exec"), made[needed].__dict__)
    for needed in made:
        del sys.modules[needed]
    return made[name]
