"""The proxy on one machine: HAProxy's configuration and its service."""

from __future__ import annotations

from dataclasses import dataclass

from outlast.components.dbproxy.options import ProxyOptions
from outlast.components.dbproxy.probe import SOCKET, probe
from outlast.contract.bundle import File, Part, Service
from outlast.contract.identity import AUTHORITY, identity
from outlast.contract.listener import Listener
from outlast.contract.template import render as fill
from outlast.contract.unit import Start, Unit
from outlast.contract.view import NodeView
from outlast.contract.watchdog import watchdog

FOLDER = "/etc/outlast/dbproxy"
CONFIG = f"{FOLDER}/haproxy.cfg"
ENTRY = f"{FOLDER}/entry.lua"
# A connection has two ends; checks, peers and listeners need a few more.
FILES_PER_CONNECTION = 2
SPARE_FILES = 500


@dataclass(frozen=True, slots=True)
class Server:
    """A member of the database, and where the program answers that knows its state."""

    member: str
    address: str
    port: int
    health_address: str
    health_port: int


def render(view: NodeView[ProxyOptions]) -> Part:
    """Everything that the proxy needs on this machine."""
    own = identity(view.member, FOLDER, user="haproxy", addresses=(view.address,))
    text = fill(
        "outlast.components.dbproxy",
        CONFIG.lstrip("/"),
        view=view,
        options=view.options,
        own=own,
        entry=ENTRY,
        control=SOCKET,
        authority=AUTHORITY,
        servers=servers(view),
        listeners=_listeners(view),
        milliseconds=_milliseconds,
    )
    entry = File(ENTRY, fill("outlast.components.dbproxy", ENTRY.lstrip("/")))
    files = (File(CONFIG, text), entry, *own.files)
    reads = (*(file.path for file in files), AUTHORITY)
    service = Service("outlast-dbproxy.service", _unit(view).text(), reload_on=reads)
    # One that hangs would keep the apps of its machine from the database for as long as it does.
    watched = watchdog(service.name, socket=SOCKET, question="show version", user="haproxy")
    return Part(files=files, services=(service, watched), probe=probe(_database(view)), certificates=(own.wanted,))


def servers(view: NodeView[ProxyOptions]) -> tuple[Server, ...]:
    """The members that serve queries and say how they are, in the order in which writes are offered to them."""
    health = {endpoint.member: endpoint for endpoint in view.using("mysql-health")}
    return tuple(
        Server(e.member, e.address, e.port, health[e.member].address, health[e.member].port)
        for e in view.using("mysql")
        if e.member in health
    )


def _listeners(view: NodeView[ProxyOptions]) -> tuple[Listener, ...]:
    """Where apps find the database."""
    ports = {"DATABASE": view.port("database"), "DATABASE_READER": view.port("database-reader")}
    return tuple(Listener(name, "127.0.0.1", port) for name, port in ports.items())


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _database(view: NodeView[ProxyOptions]) -> str:
    return next((endpoint.service for endpoint in view.using("mysql")), "")


def _unit(view: NodeView[ProxyOptions]) -> Unit:
    return Unit(
        description=f"the way from {view.machine} to the database (HAProxy)",
        start=f"/usr/sbin/haproxy -Ws -f {CONFIG} -S /run/outlast-dbproxy/master.sock",
        # The file is checked first: a wrong one fails the reload and the old process keeps serving.
        reload=(f"/usr/sbin/haproxy -c -q -f {CONFIG}", "/bin/kill -USR2 $MAINPID"),
        type=Start.NOTIFY,
        user="haproxy",
        group="haproxy",
        runtime="outlast-dbproxy",
        # An app that connects while a killed proxy is started again waits for a moment and is not refused.
        listeners=_listeners(view),
        open_files=view.options.connections * FILES_PER_CONNECTION + SPARE_FILES,
        restart_after=0.02,
        start_limit=15,
        stop_limit=5,
        # A machine that is busy must not take the database for a dead one.
        extra=("Nice=-5", "SuccessExitStatus=143"),
    )
