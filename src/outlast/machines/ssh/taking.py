"""Makes a server a machine of the site, and gives it back: one open connection, one look, one script."""

from __future__ import annotations

from collections.abc import Sequence

from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.machine import ExitError
from outlast.machines.ssh import connection
from outlast.machines.ssh.machine import SshMachine
from outlast.machines.ssh.record import Record, Server, host_key
from outlast.machines.ssh.scripts import PREPARE, RESET, SURVEY
from outlast.machines.ssh.survey import Marker, Survey, read, refusals

CONNECT_LIMIT = 10.0
SURVEY_LIMIT = 60.0
# Every engine of a site, over a slow line.
PREPARE_LIMIT = 1800.0
RESET_LIMIT = 300.0
EVIDENCE = 20
# Of all that apt and dpkg print, what tells how far they are.
TOLD = ("Setting up ", "Unpacking ", "Get:")


async def open_server(name: str, server: Server, record: Record, emit: Emit) -> SshMachine:
    """A connection to a server; the host key of its first one is trusted from then on."""
    if not record.is_pinned(server):
        key = await host_key(server, CONNECT_LIMIT)
        record.pin(server, key)
        emit(Event(name, Phase.PROGRESS, f"trusts the host key {key.get_fingerprint()} from now on"))
    return await connection.connect(name, record.login(server), CONNECT_LIMIT)


async def survey(machine: SshMachine) -> Survey:
    """One look at a server. Raises `OutlastError` when it cannot be looked at as root."""
    done = await machine.run(["sh", "-c", SURVEY], limit=SURVEY_LIMIT)
    if done.returncode != 0:
        why = done.stderr.decode(errors="replace").strip() or f"the look at it ended with {done.returncode}"
        fix = "log in as root, or let `user` use sudo without a password"
        raise OutlastError(Finding(machine.name, "nothing can be done there as root", why, fix))
    return read(done.stdout.decode(errors="replace"))


async def take(
    machine: SshMachine, server: Server, site: str, identity: str, packages: Sequence[str], emit: Emit
) -> Marker | None:
    """Make the server the machine of that name, whatever an earlier run of this left undone.

    Answers the marker that was there before. Raises `OutlastError` when the site must not have the server.
    """
    seen = await survey(machine)
    found = list(refusals(machine.name, server.address, seen, site, identity))
    if found:
        raise OutlastError(*found)
    if seen.marker is not None and seen.marker.machine != machine.name:
        await reset(machine, identity, seen.marker.machine)
    marker = Marker(site, identity, machine.name)
    lines: list[str] = []
    try:
        # One script and one round trip, however much there is to do.
        argv = ["sh", "-c", PREPARE, "prepare", marker.text, machine.name, *packages]
        async for line in machine.lines(argv, limit=PREPARE_LIMIT):
            lines.append(line)
            if line.startswith(TOLD):
                emit(Event(machine.name, Phase.PROGRESS, line))
    except ExitError as exited:
        raise OutlastError(_unprepared(machine.name, f"it ended with {exited.code}", lines)) from None
    except TimeoutError:
        raise OutlastError(_unprepared(machine.name, f"not within {PREPARE_LIMIT / 60:.0f} minutes", lines)) from None
    return seen.marker


async def reset(machine: SshMachine, identity: str, name: str = "") -> None:
    """Remove what the site put there: of the machine of that name, or of whichever it is."""
    done = await machine.run(["sh", "-c", RESET, "reset", identity, name], limit=RESET_LIMIT)
    if done.returncode != 0:
        lines = tuple(done.stderr.decode(errors="replace").strip().splitlines()[-EVIDENCE:])
        why = lines[-1] if lines else f"it ended with {done.returncode}"
        raise OutlastError(
            Finding(machine.name, "it could not be cleaned", why, "run the command again", evidence=lines)
        )


async def leave(name: str, server: Server, record: Record, *, expected: bool, emit: Emit) -> None:
    """Give a server back and remember its machine no more. One that is not `expected` to answer may be silent."""
    try:
        machine = await connection.connect(name, record.login(server), CONNECT_LIMIT)
    except Unreachable:
        if expected:
            raise
        emit(Event(name, Phase.PROGRESS, f"{server.address} gives no answer; what it holds stays there"))
    else:
        try:
            await reset(machine, record.identity, name)
        finally:
            await machine.close()
    record.forget(name)


def _unprepared(name: str, why: str, lines: Sequence[str]) -> Finding:
    told = [line for line in lines if line.startswith(("E: ", "dpkg: error", "sh: "))]
    return Finding(
        where=name,
        what="its packages could not be installed",
        why=told[-1] if told else why,
        fix="mend what its last lines name (`outlast doctor` looks at its sources), then run the same command again",
        evidence=tuple(lines[-EVIDENCE:]),
    )
