"""MariaDB with Galera on the data machines: no acknowledged write is lost with any one of them."""

from __future__ import annotations

from outlast.components.galera.ailments import AILMENTS
from outlast.components.galera.model import MODEL
from outlast.components.galera.options import DatabaseOptions
from outlast.components.galera.probe import parse
from outlast.components.galera.render import PROGRAMS, PYTHON, render
from outlast.components.galera.steward import tend
from outlast.contract.component import Claim, Component, InPool
from outlast.contract.interface import Provided, Reach, Required

GROUP = Provided("galera-group", port=4567)
MEMBER = (
    Provided("mysql", port=3306),
    Provided("mysql-health", port=9306),
    GROUP,
    Provided("galera-ist", port=4568),
    Provided("galera-sst", port=4444),
)


def _provides(options: DatabaseOptions, index: int) -> tuple[Provided, ...]:
    """The arbiter, which comes after the members, takes part in votes and nothing else."""
    return MEMBER if index <= options.members else (GROUP,)


def _requires(_options: DatabaseOptions) -> tuple[Required, ...]:
    # The health of the others too: a member that is told to start a new cluster asks them first.
    wanted = ("galera-group", "galera-ist", "galera-sst", "mysql-health")
    return tuple(Required(interface, Reach.CLUSTER) for interface in wanted)


def _packages(options: DatabaseOptions) -> tuple[str, ...]:
    # socat and mariadb-backup copy a whole database to a member that is new.
    own = ("mariadb-server", "mariadb-backup", "galera-4", "socat", "python3-pymysql")
    return (*own, "galera-arbitrator-4") if options.has_arbiter else own


COMPONENT = Component(
    name="galera",
    summary="The database: MariaDB on several machines, each with all of the data",
    claim=Claim("database", engine="mariadb"),
    options=DatabaseOptions,
    placement=InPool("data", count=lambda options: options.votes, size=3),
    provides=_provides,
    requires=_requires,
    packages=_packages,
    render=render,
    parse=parse,
    steward=tend,
    settle=120.0,
    quorum=True,
    model=MODEL,
    presets={
        "fast": {"timers": {"keepalive": "100ms", "suspect": "300ms", "install": "1s", "inactive": "1500ms"}},
        "patient": {"timers": {"keepalive": "500ms", "suspect": "3s", "install": "9s", "inactive": "12s"}},
    },
    switch=(*PYTHON.split(), f"{PROGRAMS}/switch.py"),
    ailments=AILMENTS,
)
