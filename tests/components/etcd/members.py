"""Members of etcd as a steward sees them, and the programs that are put on their machines, for tests."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from outlast.components.etcd.component import COMPONENT
from outlast.components.etcd.probe import MemberState
from outlast.contract.bundle import Part
from outlast.contract.probe import Health, Report
from outlast.contract.steward import Running, Sighting
from tests.components.edge_views import content, view

CLUSTER, OTHER_CLUSTER = "cb36f1a2", "11111111"
LONG = 1000.0
PROGRAMS = "/usr/lib/outlast/etcd"


def sighting(
    index: int, state: MemberState | None, running: Running = Running.ACTIVE, *, stale: bool = False
) -> Sighting[Any]:
    """A member; `state` None: nobody knows anything of it."""
    if state is None:
        return Sighting(f"east-etcd-{index}", index, Running.UNKNOWN, stale, None, "its machine does not answer")
    health = Health.HEALTHY if state.majority else Health.UNHEALTHY
    return Sighting(f"east-etcd-{index}", index, running, stale, Report(health, "as the test says", state=state))


def serving(member: str, **fields: Any) -> MemberState:
    """One of the members a, b and c, with a majority."""
    told: dict[str, Any] = {
        "cluster": CLUSTER,
        "members": ("a", "b", "c"),
        "committed": 10,
        "alive_for": LONG,
        **fields,
    }
    return MemberState(majority=True, holds="data", member=member, **told)


def waiting(member: str, committed: int | None = 10, **fields: Any) -> MemberState:
    """Alive, with data, and without a majority."""
    told: dict[str, Any] = {"cluster": CLUSTER, "alive_for": LONG, **fields}
    return MemberState(holds="data", member=member, committed=committed, **told)


def resting(member: str, committed: int | None = 10, **fields: Any) -> MemberState:
    """Stopped, with data."""
    return waiting(member, committed, alive_for=None, **fields)


EMPTY = MemberState()
HOPING = MemberState(alive_for=LONG)
FOUNDING = MemberState(asked="new", alive_for=1.0)


def render(*, alone: bool = False) -> Part:
    """The first of three members, or the only one."""
    ports = (("etcd-client", 2379), ("etcd-peer", 2380))
    return COMPONENT.render(view(COMPONENT, "data", ports=ports, alone=alone))


def program(name: str) -> Any:
    """A program of the machine as a module; nothing of it runs."""
    made: dict[str, ModuleType] = {}
    for needed in dict.fromkeys(("wal", "member", name)):
        made[needed] = sys.modules[needed] = ModuleType(needed)
        exec(compile(content(render(), f"{PROGRAMS}/{needed}.py"), needed, "exec"), made[needed].__dict__)
    for needed in made:
        del sys.modules[needed]
    return made[name]
