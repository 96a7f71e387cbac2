"""The edge on one machine: HAProxy's configuration, its certificate, its error pages and its service."""

from __future__ import annotations

from dataclasses import dataclass

from outlast.components.haproxy.options import EdgeOptions
from outlast.components.haproxy.probe import FALLBACK, probe
from outlast.contract.bundle import File, Part, Service
from outlast.contract.interface import Endpoint
from outlast.contract.secret import Certificate, certificate, key
from outlast.contract.template import render as fill
from outlast.contract.unit import Start, Unit
from outlast.contract.view import NodeView

PACKAGE = "outlast.components.haproxy"
HEALTH_PATH = "/.outlast/edge"
CONFIG = "/etc/outlast/haproxy/haproxy.cfg"
PEM = "/etc/outlast/haproxy/tls/site.pem"
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
class Backend:
    """One app and the machines that run it."""

    service: str
    health: str
    servers: tuple[Endpoint, ...]


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
        health_path=HEALTH_PATH,
        milliseconds=_milliseconds,
    )
    files = (
        File(CONFIG, config),
        # HAProxy runs as its own user from the start, so that user must be able to read the key.
        File(PEM, f"{certificate(name)}\n{key(name)}\n", mode=0o640, group="haproxy"),
        *pages,
    )
    service = Service("outlast-haproxy.service", _unit().text(), reload_on=tuple(file.path for file in files))
    addresses = [floating.address for floating in view.floating] + [peer.address for peer in view.peers]
    return Part(
        files=files,
        services=(service,),
        probe=probe(),
        certificates=(Certificate(name, dns=(view.domain, f"*.{view.domain}"), addresses=tuple(addresses)),),
    )


def _backends(view: NodeView[EdgeOptions]) -> tuple[Backend, ...]:
    served: dict[str, list[Endpoint]] = {}
    for endpoint in view.using("http-backend"):
        if endpoint.http is not None:
            served.setdefault(endpoint.service, []).append(endpoint)
    return tuple(
        Backend(service, next(s.http.health for s in servers if s.http), tuple(servers))
        for service, servers in sorted(served.items())
    )


def _routes(backends: tuple[Backend, ...]) -> tuple[Route, ...]:
    """Longest prefix first, so that the first match is the right one; equal prefixes by name."""
    found = {
        Route(prefix, backend.service)
        for backend in backends
        for server in backend.servers
        if server.http
        for prefix in server.http.routes
    }
    return tuple(sorted(found, key=lambda route: (-len(route.prefix.rstrip("/")), route.prefix, route.service)))


def _page(view: NodeView[EdgeOptions], status: int, reason: str, text: str) -> str:
    page = fill(PACKAGE, "etc/outlast/haproxy/page.http", view=view, status=status, reason=reason, text=text)
    return page.replace("\n", "\r\n")


def _milliseconds(seconds: float) -> str:
    return f"{round(seconds * 1000)}ms"


def _unit() -> Unit:
    return Unit(
        description="Outlast edge (HAProxy)",
        start=f"/usr/sbin/haproxy -Ws -f {CONFIG} -S /run/outlast-haproxy/master.sock",
        # The file is checked first: a wrong one fails the reload and the old process keeps serving. On USR2 the new
        # process takes the listening sockets over from the old one, which finishes its requests.
        reload=(f"/usr/sbin/haproxy -c -q -f {CONFIG}", "/bin/kill -USR2 $MAINPID"),
        type=Start.NOTIFY,
        user="haproxy",
        group="haproxy",
        capabilities=("CAP_NET_BIND_SERVICE",),
        runtime="outlast-haproxy",
        # A dead edge is back in a fifth of a second, sooner than its address could move.
        restart_after=0.1,
        start_limit=15,
        stop_limit=10,
        extra=(
            # USR1 is the soft stop: no new connections, requests under way are finished within the stop limit.
            "KillSignal=SIGUSR1",
            "SuccessExitStatus=143",
            # One line for each request: journald's default would drop all above 10,000 in 30 s.
            "LogRateLimitIntervalSec=0",
        ),
    )
