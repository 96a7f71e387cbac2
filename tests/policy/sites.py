"""Small sites for the policies' tests, and looks at them."""

from __future__ import annotations

from outlast.contract.probe import Health
from outlast.policy.observation import Fact, Known, MachineSeen, Observation, Presence, Unknown
from outlast.policy.shape import Cluster, Shape

SHOP = Shape(
    (
        Cluster("edge", ("edge-1", "edge-2"), 1, keeps=False),
        Cluster("web", ("web-1", "web-2"), 1, keeps=False),
        Cluster("database", ("galera-1", "galera-2", "galera-3"), 2, keeps=True),
    ),
    {
        "edge-1": "a1", "edge-2": "a2", "web-1": "b1", "web-2": "b2",
        "galera-1": "c1", "galera-2": "c2", "galera-3": "c3",
    },
)  # fmt: skip


BEFORE = -6.0
"""When those were heard last who are not heard."""


def look(
    now: float,
    *,
    off: tuple[str, ...] = (),
    absent: tuple[str, ...] = (),
    silent: tuple[str, ...] = (),
    unheard: tuple[str, ...] = (),
    sick: tuple[str, ...] = (),
    gagged: bool = False,
    shape: Shape = SHOP,
) -> Observation:
    """A look at a site where all is well but what is named. `unheard`: others hear it, this observer does not."""
    machines: dict[str, MachineSeen] = {}
    for name in shape.machines:
        presence = Presence.OFF if name in off else Presence.ABSENT if name in absent else Presence.ON
        seen: Fact[Presence] = Unknown("no answer") if gagged else Known(presence, now)
        mute = name in {*off, *absent, *silent}
        machines[name] = MachineSeen(seen, BEFORE if mute or name in unheard else now, BEFORE if mute else now)
    members: dict[str, Fact[Health]] = {}
    for member, home in shape.homes.items():
        gone = home in {*off, *absent, *silent, *unheard}
        health = Health.UNHEALTHY if member in sick else Health.HEALTHY
        members[member] = Unknown("not heard") if gone else Known(health, now)
    return Observation(now, machines, members)
