"""One machine's piece of a fault, as a transient systemd unit there: its start injects, its end heals.

Nothing has to live for the healing but that machine's systemd: `RuntimeMaxSec=` ends the unit, `ExecStopPost=` runs
however it ends. Source of the settings: systemd.service(5), systemd-run(1). Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from outlast.contract.ailment import Argv
from outlast.contract.unit import argument

PREFIX = "outlast-fault-"
BLOCK = "/var/lib/outlast/chaos-off"
"""A machine with this file takes no fault."""
IDLE = ("/usr/bin/sleep", "infinity")
HEAL_LIMIT = 20.0


@dataclass(frozen=True, slots=True)
class Piece:
    """`inject` and `heal` are run in order; `main` runs between them.

    `notifies`: the fault holds only when `main` says so (sd_notify(3)). `once`: it is over as soon as it is injected (a
    process is killed), and nothing is left to heal. `properties` are further ones of the unit.
    """

    inject: tuple[Argv, ...] = ()
    heal: tuple[Argv, ...] = ()
    main: Argv = IDLE
    notifies: bool = False
    once: bool = False
    properties: tuple[str, ...] = ()


def unit_name(fault: str, number: int) -> str:
    """The unit of a fault's piece with this number."""
    return f"{PREFIX}{fault}-{number}.service"


def command(unit: str, piece: Piece, seconds: float) -> Argv:
    """The `systemd-run` that starts it, and returns once it holds."""
    properties = [
        f"Description=a fault of Outlast, for at most {seconds:g} s",
        f"Type={'notify' if piece.notifies else 'exec'}",
        # Looked at when it starts, so a fault cannot slip past `chaos off`.
        f"AssertPathExists=!{BLOCK}",
        f"RuntimeMaxSec={seconds:g}",
        f"TimeoutStartSec={seconds:g}",
        f"TimeoutStopSec={HEAL_LIMIT:g}",
        *(f"ExecStartPre={_line(argv)}" for argv in piece.inject),
        # The minus: what is undone already is no failure, and the rest is undone too.
        *(f"ExecStopPost=-{_line(argv)}" for argv in piece.heal),
        *piece.properties,
    ]
    arguments = [f"--property={text}" for text in properties]
    return (
        "systemd-run",
        f"--unit={unit}",
        "--collect",
        "--quiet",
        "--expand-environment=no",
        *arguments,
        "--",
        *piece.main,
    )


def _line(argv: Argv) -> str:
    return " ".join(argument(word) for word in argv)
