"""keepalived on one machine: one VRRP instance for each floating address of the data centre."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from outlast.components.keepalived.options import MISSED, AddressOptions
from outlast.components.keepalived.probe import probe
from outlast.contract.bundle import File, Part, Service
from outlast.contract.interface import Endpoint
from outlast.contract.template import render as fill
from outlast.contract.unit import Start, Unit
from outlast.contract.view import Floating, NodeView

PACKAGE = "outlast.components.keepalived"
CONFIG = "/etc/outlast/keepalived/keepalived.conf"
PREPARE = "/etc/outlast/keepalived/prepare"
RELEASE = "/etc/outlast/keepalived/release"
CHECK = "/etc/outlast/keepalived/edge-answers"
LEAVE = "/etc/outlast/keepalived/leave"
QUIET = "/etc/outlast/keepalived/quiet"
GOES_HOME = "/etc/outlast/keepalived/goes-home"
TAKEOVER = "/etc/outlast/keepalived/takeover"
RULES = "/etc/outlast/keepalived/rules.nft"
COPIES = "/etc/outlast/keepalived/copies.nft"
RUNTIME = "/run/outlast-keepalived"

# A machine whose edge does not answer loses PENALTY: less than every machine that is well, in the same order as
# before. It is a penalty and not a fault, because when the edge answers nowhere the address must still be somewhere.
HOME, FIRST_AWAY, PENALTY = 250, 200, 150
FEWEST = 1
# An edge answers within SOON seconds, or within LATE when it is busy with others. It is asked once in SOON.
SOON, LATE = 0.25, 1.0
# The rules by which an address falls quiet before it leaves: new connections have BEGIN seconds to say what they want;
# requests of the last RECENT milliseconds get TRIES looks of some 50 ms each; the rules end by themselves after HELD
# seconds.
TABLE = "outlast_addresses"
BEGIN, RECENT, TRIES, HELD = 0.2, 2000, 20, 3
# So many connections to one address on other machines are remembered at most.
MOST_OPEN = 262_144
# A home takes its address, with all that is under way there, from a holder that does not give it back for so long.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Instance:
    """One floating address, as this machine takes part in it. `home_url`: what the edge at its home answers when it is
    well; empty where this is the home, or nobody knows it."""

    name: str
    address: str
    router: int
    priority: int
    home: bool
    home_url: str


def render(view: NodeView[AddressOptions]) -> Part:
    """Everything that keepalived needs on this machine."""
    edge = _edge(view, view.machine)
    values = {
        "view": view,
        "options": view.options,
        "instances": _instances(view),
        "check": CHECK,
        "quiet": QUIET,
        "goes_home": GOES_HOME,
        "takeover": TAKEOVER,
        "rules": RULES,
        "copies": COPIES,
        "most_open": MOST_OPEN,
        "penalty": PENALTY,
        "config": CONFIG,
        "runtime": RUNTIME,
        "table": TABLE,
        "soon": SOON,
        "late": LATE,
        "begin": BEGIN,
        "recent": RECENT,
        "tries": TRIES,
        "held": HELD,
        "patience": PATIENCE,
        "missed": MISSED,
        "home_delay": round(view.options.home_delay),
        "edge": edge,
        "health": _health(edge) if edge else "/",
    }
    programs = (PREPARE, RELEASE, CHECK, LEAVE, QUIET, GOES_HOME, TAKEOVER)
    files = (
        *(File(path, fill(PACKAGE, path.lstrip("/"), **values)) for path in (CONFIG, RULES, COPIES)),
        *(File(path, fill(PACKAGE, path.lstrip("/"), **values), mode=0o755) for path in programs),
    )
    service = Service("outlast-keepalived.service", _unit().text(), reload_on=tuple(file.path for file in files))
    return Part(files=files, services=(service,), probe=probe(view))


def _url(view: NodeView[AddressOptions], machine: str) -> str:
    """What the edge on a machine answers when it is well; empty where there is none."""
    edge = _edge(view, machine)
    return f"http://{edge.address}:{edge.port}{_health(edge)}" if edge else ""


def _edge(view: NodeView[AddressOptions], machine: str) -> Endpoint | None:
    return next((edge for edge in view.using("http") if edge.machine == machine), None)


def _health(edge: Endpoint) -> str:
    return edge.http.health if edge.http else "/"


def _instances(view: NodeView[AddressOptions]) -> tuple[Instance, ...]:
    routers = _routers(view.floating)
    return tuple(
        Instance(
            name=f"address_{routers[floating.address]}",
            address=floating.address,
            router=routers[floating.address],
            priority=_priority(view, floating),
            home=floating.home == view.machine,
            home_url="" if floating.home == view.machine else _url(view, floating.home),
        )
        for floating in view.floating
    )


def _priority(view: NodeView[AddressOptions], floating: Floating) -> int:
    """Distinct on every machine: home first, then the others in a ring that begins behind the home.

    So when one of many machines is lost, its address goes to the next one, and no machine gets all of them.
    """
    ring = [peer.machine for peer in view.peers]
    start = ring.index(floating.home) if floating.home in ring else 0
    distance = (ring.index(view.machine) - start) % len(ring)
    if floating.home == view.machine:
        return HOME
    return max(FEWEST + PENALTY, FIRST_AWAY - distance)


def _routers(floating: tuple[Floating, ...]) -> dict[str, int]:
    """A virtual router id (1 to 255) for each address, distinct.

    It comes from the address itself, so that it stays when other addresses come and go: members that disagreed on
    it during a change would both take the address.
    """
    found: dict[str, int] = {}
    for address in sorted(entry.address for entry in floating):
        wanted = int(IPv4Address(address)) % 255 + 1
        free = (1 + (wanted - 1 + step) % 255 for step in range(255))
        found[address] = next(router for router in free if router not in found.values())
    return found


def _unit() -> Unit:
    return Unit(
        description="Outlast floating addresses (keepalived)",
        before_start=(PREPARE,),
        # Its words go to its own pipe: syslog's socket is shared with the edge, which writes a line for each request,
        # and whoever finds it full waits for the journal. Under overload that was up to 3 s, and an address moved.
        start=f"/usr/sbin/keepalived --dont-fork --log-console --no-syslog --vrrp --use-file={RUNTIME}/keepalived.conf"
        f" --pid={RUNTIME}/keepalived.pid --vrrp_pid={RUNTIME}/vrrp.pid",
        # A process that was killed leaves its addresses behind, and another machine takes them: two would have them.
        before_stop=(LEAVE,),
        after_stop=(RELEASE,),
        reload=(PREPARE, "/bin/kill -HUP $MAINPID"),
        type=Start.NOTIFY,
        runtime="outlast-keepalived",
        # Real time and no swap: a machine that is only busy must not lose its address.
        realtime=True,
        memory_lock=True,
        capabilities=(
            "CAP_NET_ADMIN",
            "CAP_NET_RAW",
            "CAP_NET_BIND_SERVICE",
            "CAP_SETUID",
            "CAP_SETGID",
            "CAP_KILL",
            "CAP_SYS_NICE",
            "CAP_IPC_LOCK",
        ),
        # It announces a move by writing ARP packets itself.
        address_families=("AF_PACKET",),
        # Without CAP_SYS_RESOURCE its own wish for more than this fails, and that is intended: a reload would set the
        # limit it has set itself to 0, and the kernel would kill it seconds later (keepalived 2.3.3, measured; the
        # cause is `orig_rlimit_rt` in lib/process.c, which nothing ever fills).
        extra=("LimitRTTIME=200ms",),
        start_limit=15,
        stop_limit=5,
    )
