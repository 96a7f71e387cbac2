"""Every kind of fault: what it is called, whom it can hit, and which pieces it is made of. Pure.

What a kind does on a machine is said in `compose`; what needs the provider's hand (power) is carried out by `chaos`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from outlast.blueprint.blueprint import Blueprint
from outlast.kernel.errors import Finding, OutlastError
from outlast.proof.faults import network
from outlast.proof.faults.fault import Fault, Level, Parameter
from outlast.proof.faults.network import Peer
from outlast.proof.faults.piece import Piece
from outlast.proof.faults.survey import Survey

HOG = files("outlast.proof.faults").joinpath("hog.py").read_text(encoding="utf-8")
SYSTEMCTL = "/usr/bin/systemctl"
PYTHON = "/usr/bin/python3"
Surveys = Mapping[str, Survey]
Pieces = list[tuple[str, Piece]]
"""(machine, its piece)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`compose` makes the pieces; None: the provider does it. `surveyed`: it must know the machines' network.
    `spares_primary`: it is meant for members that do not take the writes."""

    name: str
    level: Level
    summary: str
    compose: Callable[[str, Fault, Blueprint, Surveys], Pieces] | None = None
    parameters: tuple[Parameter, ...] = ()
    surveyed: bool = False
    spares_primary: bool = False


def value(kind: Kind, fault: Fault, name: str) -> float:
    """A parameter of a fault, or its default."""
    given = dict(fault.parameters)
    return next(given.get(name, known.default) for known in kind.parameters if known.name == name)


def main_unit(blueprint: Blueprint, member: str) -> str:
    """The service that a member is."""
    part = blueprint.bundle_by_machine[blueprint.topology.member_by_name[member].machine].part(member)
    return part.main.name


def data_folder(blueprint: Blueprint, member: str) -> str | None:
    """Where a member keeps what it must not lose: the first folder that its unit may write to; None: it has none."""
    part = blueprint.bundle_by_machine[blueprint.topology.member_by_name[member].machine].part(member)
    lines = part.main.unit.splitlines()
    values = {name: value.split() for name, _, value in (line.partition("=") for line in lines) if value}
    states = [f"/var/lib/{name}" for name in values.get("StateDirectory", [])]
    return next(iter([*values.get("ReadWritePaths", []), *states]), None)


def _signalled(blueprint: Blueprint, member: str, signal: str) -> tuple[str, ...]:
    return (SYSTEMCTL, "kill", "--kill-whom=all", f"--signal={signal}", main_unit(blueprint, member))


def _kill(_name: str, fault: Fault, blueprint: Blueprint, _surveys: Surveys) -> Pieces:
    members = blueprint.topology.member_by_name
    return [
        (members[m].machine, Piece(inject=(_signalled(blueprint, m, "SIGKILL"),), once=True)) for m in fault.targets
    ]


def _pause(_name: str, fault: Fault, blueprint: Blueprint, _surveys: Surveys) -> Pieces:
    members = blueprint.topology.member_by_name
    return [
        (
            members[member].machine,
            Piece(inject=(_signalled(blueprint, member, "SIGSTOP"),), heal=(_signalled(blueprint, member, "SIGCONT"),)),
        )
        for member in fault.targets
    ]


def _stop(_name: str, fault: Fault, blueprint: Blueprint, _surveys: Surveys) -> Pieces:
    members = blueprint.topology.member_by_name
    return [(members[m].machine, _stopped(main_unit(blueprint, m))) for m in fault.targets]


def _stopped(unit: str) -> Piece:
    return Piece(inject=((SYSTEMCTL, "stop", unit),), heal=((SYSTEMCTL, "start", "--no-block", unit),))


def _isolate(name: str, fault: Fault, _blueprint: Blueprint, surveys: Surveys) -> Pieces:
    return [(machine, network.isolated(name, surveys[machine])) for machine in fault.targets]


def _loss(name: str, fault: Fault, _blueprint: Blueprint, surveys: Surveys) -> Pieces:
    share = value(LOSS, fault, "share")
    return [(machine, network.lossy(name, surveys[machine], share)) for machine in fault.targets]


def _latency(name: str, fault: Fault, _blueprint: Blueprint, surveys: Surveys) -> Pieces:
    # Queues have numbers of 16 bits, 0 and the highest are the kernel's own.
    number = int(name.rpartition("-")[2], 16) % 65534 + 1
    milliseconds = value(LATENCY, fault, "milliseconds")
    findings = [_no_netem(machine) for machine in fault.targets if not surveys[machine].netem]
    if findings:
        raise OutlastError(*findings)
    return [(machine, network.slow(number, surveys[machine], milliseconds)) for machine in fault.targets]


def _no_netem(machine: str) -> Finding:
    return Finding(
        where=machine,
        what="its packets cannot be delayed",
        why="its kernel has no netem (`tc qdisc add dev lo root netem delay 1ms` fails, in a network of its own)",
        fix="load sch_netem there, in a lab on its computer, or use `loss` or `processor`",
    )


def _partition(name: str, fault: Fault, blueprint: Blueprint, surveys: Surveys) -> Pieces:
    left, right = _peers(fault.targets, blueprint, surveys), _peers(fault.others, blueprint, surveys)
    return [
        *((machine, network.parted(name, surveys[machine], right)) for machine in fault.targets),
        *((machine, network.parted(name, surveys[machine], left)) for machine in fault.others),
    ]


def _one_way(name: str, fault: Fault, blueprint: Blueprint, surveys: Surveys) -> Pieces:
    senders, receivers = _peers(fault.targets, blueprint, surveys), _peers(fault.others, blueprint, surveys)
    return [
        *((machine, network.mute(name, surveys[machine], receivers)) for machine in fault.targets),
        *((machine, network.deaf(name, surveys[machine], senders)) for machine in fault.others),
    ]


def _peers(machines: tuple[str, ...], blueprint: Blueprint, surveys: Surveys) -> list[Peer]:
    known = blueprint.topology.machine_by_name
    return [Peer(known[machine].address, surveys[machine].hardware) for machine in machines]


def _processor(_name: str, fault: Fault, _blueprint: Blueprint, _surveys: Surveys) -> Pieces:
    count = f"{value(PROCESSOR, fault, 'processes'):g}"
    return [(machine, Piece(main=(PYTHON, "-c", HOG, "processors", count))) for machine in fault.targets]


def _memory(_name: str, fault: Fault, _blueprint: Blueprint, _surveys: Surveys) -> Pieces:
    sizes = [f"{value(MEMORY, fault, name):g}" for name in ("mib", "share")]
    # When memory runs out, it shall not be a member that the kernel ends.
    piece = Piece(main=(PYTHON, "-c", HOG, "memory", *sizes), notifies=True, properties=("OOMScoreAdjust=1000",))
    return [(machine, piece) for machine in fault.targets]


def _disk(_name: str, fault: Fault, blueprint: Blueprint, _surveys: Surveys) -> Pieces:
    members, left = blueprint.topology.member_by_name, f"{value(DISK, fault, 'left'):g}"
    return [
        (
            members[m].machine,
            Piece(main=(PYTHON, "-c", HOG, "disk", data_folder(blueprint, m) or "", left), notifies=True),
        )
        for m in fault.targets
    ]


def _restart(_name: str, fault: Fault, _blueprint: Blueprint, _surveys: Surveys) -> Pieces:
    # In a moment, so that the answer still gets out.
    later = ("systemd-run", "--collect", "--on-active=0.2s", "--timer-property=AccuracySec=10ms")
    piece = Piece(inject=((*later, SYSTEMCTL, "reboot", "--force", "--force"),), once=True)
    return [(machine, piece) for machine in fault.targets]


KILL = Kind(
    name="kill",
    level=Level.MEMBER,
    summary="every process of a member is killed (SIGKILL); systemd starts it again",
    compose=_kill,
)
PAUSE = Kind(
    name="pause",
    level=Level.MEMBER,
    summary="every process of a member stands still (SIGSTOP): alive, but deaf",
    compose=_pause,
)
STOP = Kind(
    name="stop",
    level=Level.MEMBER,
    summary="a member's service is stopped, as somebody would by hand, and started again when the fault is over",
    compose=_stop,
)
ISOLATE = Kind(
    name="isolate",
    level=Level.MACHINE,
    summary="a machine runs on, but no packet gets in or out, the operator's own SSH excepted",
    compose=_isolate,
    surveyed=True,
)
PARTITION = Kind(
    name="partition",
    level=Level.BETWEEN,
    summary="no packet gets from one set of machines to another, either way; both reach everybody else",
    compose=_partition,
    surveyed=True,
)
ONE_WAY = Kind(
    name="one-way",
    level=Level.BETWEEN,
    summary="packets of one set no longer get to another; those of the other set do",
    compose=_one_way,
    surveyed=True,
)
LOSS = Kind(
    name="loss",
    level=Level.MACHINE,
    summary="a share of a machine's packets vanishes by chance, in and out",
    compose=_loss,
    parameters=(Parameter("share", "share of the packets, each way", 0.1, 0.001, 1.0),),
    surveyed=True,
)
LATENCY = Kind(
    name="latency",
    level=Level.MACHINE,
    summary="whatever a machine sends is late (needs a kernel with netem)",
    compose=_latency,
    parameters=(Parameter("milliseconds", "how late", 100.0, 1.0, 10_000.0),),
    surveyed=True,
)
PROCESSOR = Kind(
    name="processor",
    level=Level.MACHINE,
    summary="busy processes compete for a machine's processors",
    compose=_processor,
    parameters=(Parameter("processes", "how many", 8.0, 1.0, 256.0),),
)
MEMORY = Kind(
    name="memory",
    level=Level.MACHINE,
    summary="a process takes memory: the smaller one of `mib` and `share`",
    compose=_memory,
    parameters=(
        Parameter("mib", "MiB at most", 256.0, 1.0, 1_048_576.0),
        Parameter("share", "share of the available memory at most", 0.5, 0.001, 0.95),
    ),
)
DISK = Kind(
    name="disk",
    level=Level.MEMBER,
    summary="the file system under a member's data is full (only where it is the machine's own)",
    compose=_disk,
    parameters=(Parameter("left", "MiB that are left free", 0.0, 0.0, 1_048_576.0),),
)
POWER_OFF = Kind(
    name="power-off",
    level=Level.MACHINE,
    summary="machines lose power, all at once: packets vanish, then every process; healing switches them on",
)
REBOOT = Kind(
    name="reboot",
    level=Level.MACHINE,
    summary="a machine loses power and gets it back at once",
    compose=_restart,
)
KINDS = {
    kind.name: kind
    for kind in (
        KILL, PAUSE, STOP, ISOLATE, PARTITION, ONE_WAY, LOSS, LATENCY, PROCESSOR, MEMORY, DISK, POWER_OFF,
        REBOOT,
    )
}  # fmt: skip
