"""Whether servers can become machines: each is logged in to and looked at, all at once. Pins and changes nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from pathlib import Path
from tempfile import TemporaryDirectory

from outlast.kernel.errors import Finding, OutlastError, Severity
from outlast.machines.check import Check
from outlast.machines.ssh import connection
from outlast.machines.ssh.login import pinned
from outlast.machines.ssh.machine import SshMachine
from outlast.machines.ssh.record import Record, Server, host_key
from outlast.machines.ssh.scripts import SOURCES
from outlast.machines.ssh.survey import Survey, refusals
from outlast.machines.ssh.taking import CONNECT_LIMIT, survey

ABOUT = "login, system, room, ports, package sources"
SOURCES_LIMIT = 60.0
SLOW_LOOKUP = 1.0
# Certificates, logs and etcd's warnings go by the clock.
MOST_SKEW = 1.0


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of one server; `offset` is how many seconds its clock is ahead of this computer's."""

    check: Check
    server: Server
    seen: Survey | None = None
    offset: float = 0.0


async def examine(
    site: str, servers: Sequence[Server], record: Record, ports: Mapping[IPv4Address, Mapping[int, str]]
) -> tuple[Check, ...]:
    """A check for each server, and one for all of them together. `ports`: who will listen where on each."""
    looks = await asyncio.gather(*(_look(site, server, record, ports.get(server.address, {})) for server in servers))
    return (*(look.check for look in looks), _together([look for look in looks if look.seen is not None]))


async def _look(site: str, server: Server, record: Record, ports: Mapping[int, str]) -> Look:
    kind = "spare" if server.spare else "server"
    subject = f"{kind} {server.address}"
    if server.lost:
        return Look(Check(subject, "lost, as the site file says: not looked at"), server)
    try:
        with TemporaryDirectory() as folder:
            machine, key = await _login(subject, server, record, Path(folder, "known_hosts"))
        try:
            return await _examined(site, server, machine, record, ports, key)
        finally:
            await machine.close()
    except OutlastError as error:
        return Look(Check(subject, ABOUT, error.findings), server)


async def _login(subject: str, server: Server, record: Record, known_hosts: Path) -> tuple[SshMachine, str]:
    """An open connection, and what to say of a host key that nobody has trusted yet."""
    login = record.login(server)
    if record.is_pinned(server):
        return await connection.connect(subject, login, CONNECT_LIMIT), ""
    key = await host_key(server, CONNECT_LIMIT)
    known_hosts.write_text(f"{pinned(server.address, server.port)} {key.export_public_key().decode().strip()}\n")
    machine = await connection.connect(subject, replace(login, known_hosts=known_hosts), CONNECT_LIMIT)
    return machine, f"; `up` will trust its host key {key.get_fingerprint()}"


async def _examined(
    site: str, server: Server, machine: SshMachine, record: Record, ports: Mapping[int, str], key: str
) -> Look:
    offset = await _offset(machine)
    seen = await survey(machine)
    findings = [
        *refusals(machine.name, server.address, seen, site, record.identity),
        *_listening(machine.name, seen, ports),
        *_slow(machine.name, seen),
    ]
    if not any(held.address == server.address for held in record.machines().values()):
        findings += await _sources(machine)
    about = f"{seen.title}, {seen.memory} MiB of memory, {seen.room} MiB of room{key}"
    return Look(Check(machine.name, about, tuple(findings)), server, seen, offset)


async def _offset(machine: SshMachine) -> float:
    """How far the server's clock is ahead of this computer's, half a round trip's time taken off."""
    began = time.time()
    done = await machine.run(["date", "+%s.%N"])
    return float(done.stdout or b"0") - (began + time.time()) / 2


def _listening(name: str, seen: Survey, ports: Mapping[int, str]) -> list[Finding]:
    """Ports that somebody has already; on a machine of the site it is the site itself."""
    if seen.marker is not None:
        return []
    fix = "stop what listens there, or take another server"
    return [
        Finding(name, f"port {port} is taken", f"{ports[port]} will listen there", fix)
        for port in sorted(seen.listening & set(ports))
    ]


def _slow(name: str, seen: Survey) -> list[Finding]:
    if seen.lookup < SLOW_LOOKUP:
        return []
    why = f"looking up a name that does not exist took {seen.lookup:.1f} s; it hides in logins, sudo and builds"
    fix = "correct the name servers in /etc/resolv.conf there"
    return [Finding(name, "name resolution is slow", why, fix, Severity.WARNING)]


async def _sources(machine: SshMachine) -> list[Finding]:
    done = await machine.run(["sh", "-c", SOURCES], limit=SOURCES_LIMIT)
    if done.returncode == 0:
        return []
    lines = tuple(done.stdout.decode(errors="replace").splitlines()[-10:])
    why = next((line for line in lines if line.startswith(("E:", "W:"))), "apt-get update did not end")
    fix = "correct /etc/apt/sources.list.d there, or how the server reaches archives"
    return [Finding(machine.name, "package sources do not answer", why, fix, evidence=lines)]


def _together(looks: Sequence[Look]) -> Check:
    """What shows only when servers are compared."""
    about = "clocks and identities, compared"
    if len(looks) < 2:
        return Check("servers", about)
    first = min(looks, key=lambda look: look.offset)
    last = max(looks, key=lambda look: look.offset)
    skew = last.offset - first.offset
    findings: list[Finding] = []
    if skew > MOST_SKEW:
        what = f"the clock of {last.server.address} is {skew:.1f} s ahead of that of {first.server.address}"
        why = "certificates, logs and leases go by the clock"
        findings.append(Finding("servers", what, why, "let them all follow one time server", Severity.WARNING))
    owners: dict[str, Look] = {}
    for look in looks:
        identity = look.seen.identity if look.seen else ""
        if identity and identity in owners:
            what = f"{owners[identity].server.address} and {look.server.address} have the same /etc/machine-id"
            why = "one was copied from the other, and what tells machines apart by it will take them for one"
            fix = "empty /etc/machine-id on one of them and restart it"
            findings.append(Finding("servers", what, why, fix, Severity.WARNING))
        owners[identity] = look
    return Check("servers", f"{about}: clocks differ by {skew:.2f} s", tuple(findings))
