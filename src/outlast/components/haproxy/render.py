"""The edge on one machine: HAProxy's configuration, its certificate, its error pages and its service."""

from __future__ import annotations

from dataclasses import dataclass

from outlast.components.haproxy.options import EdgeOptions
from outlast.components.haproxy.passage import CONFIG, FULL, server_name
from outlast.components.haproxy.probe import FALLBACK, SOCKET, probe
from outlast.contract.bundle import File, Part, Service
from outlast.contract.interface import Http
from outlast.contract.listener import Listener
from outlast.contract.secret import Certificate, certificate, key
from outlast.contract.slot import Slot, in_slot
from outlast.contract.template import render as fill
from outlast.contract.unit import Start, Unit, argument
from outlast.contract.view import NodeView

PACKAGE = "outlast.components.haproxy"
HEALTH_PATH = "/.outlast/edge"
PEM = "/etc/outlast/haproxy/tls/site.pem"
MASTER = "/run/outlast-haproxy/master.sock"
STOP = "/usr/lib/outlast/haproxy/stop.py"
# Seconds in which a stop waits for what a new connection wants, for what is under way, and in all.
BEGIN, ANSWER, STOPPED = 0.1, 8.0, 10.0
# What the new process shall know of every server. Better nothing than what was true before: systemd removes the file
# with its folder whenever the edge stops, and this one when the old process does not answer.
STATE = "/run/outlast-haproxy/servers"
KEEP_STATE = f"""
import os, socket
try:
    with socket.socket(socket.AF_UNIX) as control, open("{STATE}.new", "wb") as kept:
        control.settimeout(3)
        control.connect({SOCKET!r})
        control.sendall(b"show servers state\\n")
        while piece := control.recv(65536):
            kept.write(piece)
    os.replace("{STATE}.new", "{STATE}")
except OSError:
    if os.path.exists("{STATE}"):
        os.remove("{STATE}")
""".strip()
# Where it listens. Without these variables, as when its configuration is only checked, it binds them itself.
LISTENERS = (Listener("EDGE_HTTP", "0.0.0.0", 80), Listener("EDGE_HTTPS", "0.0.0.0", 443))
PAGES = (
    (502, "Bad Gateway", "This request could not be finished."),
    (503, "Service Unavailable", "We will be back in a moment."),
    (504, "Gateway Time-out", "This request took too long."),
)


@dataclass(frozen=True, slots=True)
class Route:
    """Requests whose path is `prefix` or lies below it go to `service`."""

    prefix: str
    service: str

    def condition(self, guard: str = "") -> str:
        """The route as anonymous ACLs, each with `guard`: `/api` means /api and /api/..., never /apiary."""
        below = f"{guard}{{ path_beg {self.prefix.rstrip('/')}/ }}"
        return below if self.prefix.endswith("/") else f"{guard}{{ path {self.prefix} }} || {below}"


@dataclass(frozen=True, slots=True)
class Server:
    """One slot of an app member."""

    name: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Backend:
    """One app, where it is served, and the paths that lead to it."""

    service: str
    health: str
    prefixes: tuple[str, ...]
    servers: tuple[Server, ...]


def render(view: NodeView[EdgeOptions]) -> Part:
    """Everything that the edge needs on this machine."""
    backends = _backends(view)
    name = f"edge-{view.datacenter}"
    pages = [File(f"/etc/outlast/haproxy/{page[0]}.http", _page(view, *page)) for page in PAGES]
    config = fill(
        PACKAGE,
        CONFIG.lstrip("/"),
        view=view,
        options=view.options,
        backends=backends,
        routes=_routes(backends),
        pages=[(status, f"/etc/outlast/haproxy/{status}.http") for status, _, _ in PAGES],
        pem=PEM,
        fallback=FALLBACK,
        full=FULL,
        state=STATE,
        listeners=LISTENERS,
        health_path=HEALTH_PATH,
        milliseconds=_milliseconds,
    )
    files = (
        File(CONFIG, config),
        # HAProxy runs as its own user from the start, so that user must be able to read the key.
        File(PEM, f"{certificate(name)}\n{key(name)}\n", mode=0o640, group="haproxy"),
        *pages,
        File(STOP, fill(PACKAGE, STOP.lstrip("/"), master=MASTER, begin=BEGIN, limit=ANSWER)),
    )
    read = tuple(file.path for file in files if file.path != STOP)
    service = Service("outlast-haproxy.service", _unit().text(), reload_on=read)
    addresses = [floating.address for floating in view.floating] + [peer.address for peer in view.peers]
    return Part(
        files=files,
        services=(service,),
        probe=probe(),
        certificates=(Certificate(name, dns=(view.domain, f"*.{view.domain}"), addresses=tuple(addresses)),),
    )


def _backends(view: NodeView[EdgeOptions]) -> tuple[Backend, ...]:
    served: dict[str, list[tuple[int, Http, Server]]] = {}
    for slot in Slot:
        for place, endpoint in enumerate(view.using(in_slot("http-backend", slot))):
            if endpoint.http is not None:
                server = Server(server_name(endpoint.member, slot), endpoint.address, endpoint.port)
                served.setdefault(endpoint.service, []).append((place, endpoint.http, server))
    return tuple(
        Backend(
            service,
            next(http.health for _, http, _ in found),
            tuple(dict.fromkeys(prefix for _, http, _ in found for prefix in http.routes)),
            # The slots of a member side by side: whoever is asked in turn meets an empty one every other time.
            tuple(server for *_, server in sorted(found, key=lambda each: each[0])),
        )
        for service, found in sorted(served.items())
    )


def _routes(backends: tuple[Backend, ...]) -> tuple[Route, ...]:
    """Longest prefix first, so that the first match is the right one; equal prefixes by name."""
    found = {Route(prefix, backend.service) for backend in backends for prefix in backend.prefixes}
    return tuple(sorted(found, key=lambda route: (-len(route.prefix.rstrip("/")), route.prefix, route.service)))


def _page(view: NodeView[EdgeOptions], status: int, reason: str, text: str) -> str:
    page = fill(PACKAGE, "etc/outlast/haproxy/page.http", view=view, status=status, reason=reason, text=text)
    return page.replace("\n", "\r\n")


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _unit() -> Unit:
    return Unit(
        description="Outlast edge (HAProxy)",
        start=f"/usr/sbin/haproxy -Ws -f {CONFIG} -S {MASTER}",
        # The file is checked first: a wrong one fails the reload and the old process keeps serving. On USR2 the new
        # process takes the listening sockets over from the old one, which finishes its requests.
        reload=(
            f"/usr/sbin/haproxy -c -q -f {CONFIG}",
            f"/usr/bin/python3 -c {argument(KEEP_STATE)}",
            "/bin/kill -USR2 $MAINPID",
        ),
        type=Start.NOTIFY,
        user="haproxy",
        group="haproxy",
        capabilities=("CAP_NET_BIND_SERVICE",),
        # Whoever comes while a killed edge is started again waits for a moment and is not refused.
        listeners=LISTENERS,
        runtime="outlast-haproxy",
        # A dead edge is back sooner than its address could move.
        restart_after=0.02,
        start_limit=15,
        before_stop=(f"/usr/bin/python3 -B {STOP} $MAINPID",),
        stop_limit=STOPPED,
        extra=(
            "SuccessExitStatus=143",
            # One line for each request: journald's default would drop all above 10,000 in 30 s.
            "LogRateLimitIntervalSec=0",
        ),
    )
