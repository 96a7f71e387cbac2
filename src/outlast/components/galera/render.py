"""One member of the database on one machine: MariaDB, or the arbiter that only votes."""

from __future__ import annotations

import json

from outlast.components.galera.options import DatabaseOptions
from outlast.components.galera.probe import probe
from outlast.contract.bundle import File, Part, Service
from outlast.contract.identity import AUTHORITY, identity
from outlast.contract.secret import other_password, password
from outlast.contract.template import render as fill
from outlast.contract.unit import Unit, argument
from outlast.contract.view import NodeView

PACKAGE = "outlast.components.galera"
CONFIG = "/etc/outlast/galera/my.cnf"
MEMBER = "/etc/outlast/galera/member.json"
ACCOUNTS = "/etc/outlast/galera/accounts.json"
GARBD = "/etc/outlast/galera/garbd.cfg"
FOLDER = "/etc/outlast/galera"
PROGRAMS = "/usr/lib/outlast/galera"
MEMBER_PROGRAMS = (
    *("cluster", "neighbours", "start", "joining", "stop", "health", "guard", "accounts"),
    *("probe", "digest", "switch", "sessions", "room", "renew"),
)
HEALTH_PROGRAMS = ("health", "guard", "joining", "sessions", "room", "neighbours", "cluster")
PYTHON = "/usr/bin/python3 -B"
ARBITER = "outlast-galera-arbiter.service"
CREDENTIALS = f"/run/credentials/{ARBITER}"
MIB = 1024**2
# One connection may take about 3 MiB in the worst case (thread stack, sort, join and read buffers); half a MiB of
# buffer pool for each keeps that worst case within six times the buffer pool.
FEWEST_CONNECTIONS = 200
MOST_CONNECTIONS = 4000
OPEN_FILES = 16384
# MariaDB's own script waits 10 s before each full copy, so that the receiver listens by then. With `sockopt` in my.cnf
# the sender tries again until it does, and need not wait. Where the script has changed, nothing is changed here. And
# whoever gives a copy goes on serving: the script, with its many small processes, comes after that.
HASTENED = "/run/outlast-galera/wsrep_sst_mariabackup"
# Read past this service's own view of the files, in which the result already stands in the place of the original.
HASTEN = (
    "sed -e 's/^ *sleep 10$/sleep 0.3/' -e '1a renice -n 10 -p $$ >/dev/null'"
    f" /proc/1/root/usr/bin/wsrep_sst_mariabackup > {HASTENED}.new"
    f" && chmod 755 {HASTENED}.new && mv {HASTENED}.new {HASTENED}"
)


def render(view: NodeView[DatabaseOptions]) -> Part:
    """Everything that the member needs on this machine."""
    return _member(view) if view.index <= view.options.members else _arbiter(view)


def _member(view: NodeView[DatabaseOptions]) -> Part:
    # Clients come over the proxy on their own machine, so that is the address that they know a member by.
    own = identity(view.member, FOLDER, user="mysql", addresses=(view.address, "127.0.0.1"))
    config = File(
        CONFIG,
        fill(
            PACKAGE,
            CONFIG.lstrip("/"),
            view=view,
            options=view.options,
            own=own,
            authority=AUTHORITY,
            cluster=_cluster(view),
            provider=_provider_options(view, own.path, own.key_path),
            connections=max(FEWEST_CONNECTIONS, min(MOST_CONNECTIONS, view.options.buffer_pool // MIB * 2)),
            mib=MIB,
            open_files=OPEN_FILES,
        ),
    )
    member = File(MEMBER, _json(_facts(view)))
    accounts = File(ACCOUNTS, _json(_accounts(view)), mode=0o600)
    programs = {name: _program(view, name) for name in MEMBER_PROGRAMS}
    database = Service("outlast-galera.service", _unit(view).text(), restart_on=(config.path,))
    health = Service(
        "outlast-galera-health.service",
        _health_unit(view).text(),
        # The database reads a renewed certificate without a restart, when it is told to: which is the work of this one.
        reload_on=(*(file.path for file in own.files), AUTHORITY),
        restart_on=tuple(programs[name].path for name in HEALTH_PROGRAMS),
    )
    return Part(
        files=(config, member, accounts, *own.files, *programs.values()),
        services=(database, health),
        probe=(*PYTHON.split(), f"{PROGRAMS}/probe.py"),
        certificates=(own.wanted,),
        digest=(*PYTHON.split(), f"{PROGRAMS}/digest.py"),
    )


def _cluster(view: NodeView[DatabaseOptions]) -> str:
    return f"{view.site}-{view.datacenter}"


def _provider_options(view: NodeView[DatabaseOptions], certificate: str, key: str, *, data: bool = True) -> str:
    """Settings of the Galera library. Source: its documentation, "Galera Parameters", and gcomm/src/defaults.cpp."""
    timers = view.options.timers
    options = {
        "gmcast.listen_addr": f"ssl://{view.address}:{view.port('galera-group')}",
        # Both ends of every connection show a certificate of the site's own authority.
        "socket.ssl": "YES",
        "socket.ssl_ca": AUTHORITY,
        "socket.ssl_cert": certificate,
        "socket.ssl_key": key,
        # A connection that does not come about is given up as fast as a silent member.
        "gmcast.peer_timeout": _seconds(timers.suspect),
        "evs.keepalive_period": _seconds(timers.keepalive),
        "evs.inactive_check_period": _seconds(timers.keepalive),
        "evs.suspect_timeout": _seconds(timers.suspect),
        "evs.inactive_timeout": _seconds(timers.inactive),
        "evs.install_timeout": _seconds(timers.install),
        "evs.join_retrans_period": _seconds(timers.keepalive),
    }
    if data:
        options |= {
            "ist.recv_addr": f"{view.address}:{view.port('galera-ist')}",
            "gcache.size": str(view.options.catch_up),
        }
    return ";".join(f"{name}={value}" for name, value in options.items())


def _seconds(seconds: float) -> str:
    return f"PT{seconds:g}S"


def _donors(view: NodeView[DatabaseOptions]) -> list[str]:
    """Who shall copy the database to this member: the last ones first, because writes go to the first at first."""
    others = [peer for peer in view.others if peer.index <= view.options.members]
    return [peer.member for peer in sorted(others, key=lambda peer: -peer.index)]


def _facts(view: NodeView[DatabaseOptions]) -> dict[str, object]:
    """What the programs on the machine must know. A growing cluster changes this file, and restarts nobody."""
    group = view.port("galera-group")
    return {
        "member": view.member,
        "address": view.address,
        "health_port": view.port("mysql-health"),
        "group": [f"{peer.address}:{group}" for peer in view.others],
        "donors": _donors(view),
        "health": [f"{e.address}:{e.port}" for e in view.using("mysql-health") if e.member != view.member],
    }


def _accounts(view: NodeView[DatabaseOptions]) -> dict[str, object]:
    names = {client: f"database/{client}" for client in view.clients}
    # While a password is changed there are two; otherwise both are the same.
    passwords = {client: [password(name), other_password(name)] for client, name in names.items()}
    return {"schema": view.site, "passwords": passwords}


def _json(value: object) -> str:
    # Not escaped: a marker for a secret must stand there as it is.
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


def _program(view: NodeView[DatabaseOptions], name: str) -> File:
    path = f"{PROGRAMS}/{name}.py"
    return File(path, fill(PACKAGE, path.lstrip("/"), view=view))


def _unit(view: NodeView[DatabaseOptions]) -> Unit:
    return Unit(
        description=f"{view.member}, a member of the database of {view.site} (MariaDB)",
        before_start=(f"+/bin/sh -c {argument(HASTEN)}",),
        start=f"{PYTHON} {PROGRAMS}/start.py",
        before_stop=(f"{PYTHON} {PROGRAMS}/stop.py $MAINPID",),
        user="mysql",
        group="mysql",
        state="outlast-galera",
        runtime="mysqld outlast-galera",
        # The request for a new cluster must survive the restart that carries it out.
        runtime_preserve=True,
        writable=("/var/lib/mysql",),
        open_files=OPEN_FILES,
        # Not while the others are busy agreeing to go on without it.
        restart_after=1.0,
        # Time to write all changed pages. Nothing is lost when it is not enough: they are in the redo log too.
        stop_limit=90,
        # Whatever else uses too much memory on this machine shall go first.
        extra=(
            "OOMScoreAdjust=-800",
            "LogRateLimitIntervalSec=0",
            f"BindReadOnlyPaths=-{HASTENED}:/usr/bin/wsrep_sst_mariabackup",
        ),
    )


def _health_unit(view: NodeView[DatabaseOptions]) -> Unit:
    return Unit(
        description=f"says whether {view.member} may be written to and read from",
        start=f"{PYTHON} {PROGRAMS}/health.py",
        reload=(f"{PYTHON} {PROGRAMS}/renew.py",),
        # It logs in over the unix socket as the account of the same name. That account may use the connection that
        # is reserved for administrators, so a database that is full of clients is not taken for a dead one.
        user="mysql",
        group="mysql",
        restart_after=0.1,
        stop_limit=2,
        # A machine that is busy must not look like a dead one.
        extra=("Nice=-10", "OOMScoreAdjust=-800"),
    )


def _arbiter(view: NodeView[DatabaseOptions]) -> Part:
    own = identity(view.member, FOLDER, user="root", addresses=(view.address,))
    config = File(
        GARBD,
        fill(
            PACKAGE,
            GARBD.lstrip("/"),
            view=view,
            cluster=_cluster(view),
            group=",".join(_group(view)),
            provider=_provider_options(view, own.path, f"{CREDENTIALS}/key", data=False),
        ),
    )
    unit = Unit(
        description=f"{view.member}, the arbiter of the database of {view.site} (garbd)",
        start=f"/usr/bin/garbd --cfg {GARBD}",
        dynamic_user=True,
        restart_after=1,
        stop_limit=10,
        # Its user exists only while it runs, and owns no file.
        extra=(f"LoadCredential=key:{own.key_path}",),
    )
    identified = tuple(file.path for file in own.files)
    service = Service(ARBITER, unit.text(), restart_on=(config.path, *identified, AUTHORITY))
    probed = probe(view.port("galera-group"))
    return Part(files=(config, *own.files), services=(service,), probe=probed, certificates=(own.wanted,))


def _group(view: NodeView[DatabaseOptions]) -> list[str]:
    return [f"{peer.address}:{view.port('galera-group')}" for peer in view.others]
