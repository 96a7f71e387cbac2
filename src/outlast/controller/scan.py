"""Tries the doors: TCP ports from everywhere to every machine, compared with what the wiring names.

Too much and too little are both findings. What is tried is a connection that is closed at once; nothing is sent.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from itertools import chain
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.firewall import Direction, Rule
from outlast.kernel.errors import Finding, OutlastError, Severity
from outlast.kernel.network import ANYWHERE, Transport
from outlast.machines.machine import Machine
from outlast.machines.provider import Provider

SCANNER = files("outlast.apply").joinpath("scanner.py").read_text(encoding="utf-8")
OUTSIDE = "here"
"""The computer that this runs on, which is no machine of the site."""
CONNECT_LIMIT = 10.0
SCAN_LIMIT = 540.0
WIDTH = 400
PATIENCE = 1.0
LAST_PORT = 65535
SAMPLE = 257
"""A quick scan tries every port that listens anywhere, every wired one, and one of so many of the others."""


class Socket(NamedTuple):
    """One that listens (TCP) or is bound (UDP) on a machine."""

    transport: str
    address: str
    port: int
    program: str


class Heard(BaseModel):
    """What one run of the scanner found. `open`: address to ports; `silent`: how many never answered."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    open: dict[str, tuple[int, ...]]
    silent: int
    tried: int
    listening: tuple[Socket, ...]


@dataclass(frozen=True, slots=True)
class Door:
    """A TCP port of one machine as seen from another one, or from `here`."""

    source: str
    target: str
    port: int


@dataclass(frozen=True, slots=True)
class Scan:
    """What was tried and found. `open` are the doors that opened; `wanted` those that the rules open."""

    tried: int
    silent: int
    open: tuple[Door, ...]
    wanted: tuple[Door, ...]
    findings: tuple[Finding, ...]


async def scan(blueprint: Blueprint, provider: Provider, *, full: bool, sources: Sequence[str] | None = None) -> Scan:
    """Try the ports of every machine from every one of `sources` (None: all machines, and here).

    `full`: every port. Raises `OutlastError` when a machine does not answer: then nothing can be said.
    """
    names = list(blueprint.bundle_by_machine)
    machines = dict(zip(names, await asyncio.gather(*(_connect(provider, name) for name in names)), strict=True))
    try:
        sockets = await asyncio.gather(*(_listening(machine) for machine in machines.values()))
        heard_of = dict(zip(names, sockets, strict=True))
        ports = [(1, LAST_PORT)] if full else _chosen(blueprint, heard_of)
        chosen = [OUTSIDE, *names] if sources is None else list(sources)
        results = await asyncio.gather(*(_from(blueprint, machines, source, ports) for source in chosen))
    finally:
        await asyncio.gather(*(machine.close() for machine in machines.values()))
    opened = tuple(chain.from_iterable(doors for doors, _ in results))
    wanted = tuple(door for source in chosen for door in doors_of(blueprint, source))
    return Scan(
        tried=sum(heard.tried for _, heard in results),
        silent=sum(heard.silent for _, heard in results),
        open=opened,
        wanted=wanted,
        findings=(*judge(opened, wanted, heard_of), *undeclared(blueprint, heard_of)),
    )


def doors_of(blueprint: Blueprint, source: str) -> list[Door]:
    """The TCP doors that the rules open for one machine, or for `here` (taken for any place in the world)."""
    if source != OUTSIDE:
        own = next(wall for wall in blueprint.firewalls if wall.machine == source)
        known = blueprint.bundle_by_machine
        out = [rule for rule in own.rules if _is(rule, Direction.OUT)]
        return sorted(
            {Door(source, peer.name, rule.port) for rule in out for peer in rule.peers if peer.name in known},
            key=lambda door: (door.target, door.port),
        )
    return [
        Door(OUTSIDE, wall.machine, rule.port)
        for wall in blueprint.firewalls
        for rule in wall.rules
        if _is(rule, Direction.IN) and ANYWHERE in [peer.network for peer in rule.peers]
    ]


def judge(
    opened: Sequence[Door], wanted: Sequence[Door], sockets: Mapping[str, Sequence[Socket]]
) -> tuple[Finding, ...]:
    """Doors that are open and should not be, and doors that are closed although somebody listens behind them."""
    heard = {
        (machine, socket.port)
        for machine, found in sockets.items()
        for socket in found
        if socket.transport == "tcp" and not _is_loopback(socket.address)
    }
    too_much = [door for door in opened if door not in set(wanted)]
    too_little = [door for door in wanted if door not in set(opened) and (door.target, door.port) in heard]
    return tuple(
        [_finding(door, "is open and should not be", "nothing in the wiring asks for it") for door in too_much]
        + [_finding(door, "is closed and should not be", "the wiring asks for it") for door in too_little]
    )


def undeclared(blueprint: Blueprint, sockets: Mapping[str, Sequence[Socket]]) -> tuple[Finding, ...]:
    """Sockets that are bound for other machines to reach, and that no component says it provides."""
    held = blueprint.topology.members_by_machine
    said = {name: {port for member in members for _, port in member.ports} for name, members in held.items()}
    for wall in blueprint.firewalls:
        said[wall.machine] |= {rule.port for rule in wall.rules if rule.direction is Direction.IN}
    return tuple(
        Finding(
            where=machine,
            what=f"{socket.program or 'a program'} listens on {socket.transport} {socket.port} of {socket.address}",
            why="no component provides it: the firewall keeps it closed, and nothing else does",
            fix="bind it to 127.0.0.1, or declare it as an interface of its component",
            severity=Severity.NOTE,
        )
        for machine, found in sockets.items()
        for socket in found
        if not _is_loopback(socket.address) and socket.port not in said[machine]
    )


def _is(rule: Rule, direction: Direction) -> bool:
    return rule.direction is direction and rule.transport is Transport.TCP


def _is_loopback(address: str) -> bool:
    return address.startswith("127.") or address == "::1"


def _finding(door: Door, what: str, why: str) -> Finding:
    return Finding(
        where=door.target,
        what=f"TCP port {door.port} {what}, seen from {door.source}",
        why=why,
        fix=f"compare `outlast plan --firewall` with `outlast exec {door.target} -- nft list table inet outlast`",
    )


def _chosen(blueprint: Blueprint, sockets: Mapping[str, Sequence[Socket]]) -> list[tuple[int, int]]:
    ports = {port for found in sockets.values() for _, _, port, _ in found}
    ports |= {rule.port for wall in blueprint.firewalls for rule in wall.rules if rule.port}
    ports |= set(range(1, LAST_PORT + 1, SAMPLE))
    return [(port, port) for port in sorted(ports)]


async def _from(
    blueprint: Blueprint, machines: Mapping[str, Machine], source: str, ports: list[tuple[int, int]]
) -> tuple[list[Door], Heard]:
    name_of = {machine.address: machine.name for machine in blueprint.topology.machines if machine.name != source}
    request = _request(list(name_of), ports, listening=False)
    heard = await (_here(request) if source == OUTSIDE else _there(machines[source], request))
    return [Door(source, name_of[address], port) for address, found in heard.open.items() for port in found], heard


async def _listening(machine: Machine) -> tuple[Socket, ...]:
    return (await _there(machine, _request([], [], listening=True))).listening


def _request(addresses: list[str], ports: list[tuple[int, int]], *, listening: bool) -> dict[str, object]:
    return {"addresses": addresses, "ports": ports, "width": WIDTH, "patience": PATIENCE, "listening": listening}


async def _there(machine: Machine, request: Mapping[str, object]) -> Heard:
    done = await machine.run(["python3", "-c", SCANNER], stdin=json.dumps(request).encode(), limit=SCAN_LIMIT)
    if done.returncode != 0:
        raise OutlastError(_failed(machine.name, done.stderr))
    return Heard.model_validate_json(done.stdout)


async def _here(request: Mapping[str, object]) -> Heard:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SCANNER, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(SCAN_LIMIT):
            stdout, stderr = await process.communicate(json.dumps(request).encode())
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        raise OutlastError(_failed(OUTSIDE, stderr))
    return Heard.model_validate_json(stdout)


async def _connect(provider: Provider, name: str) -> Machine:
    return await provider.connect(name, limit=CONNECT_LIMIT)


def _failed(where: str, stderr: bytes) -> Finding:
    lines = tuple(stderr.decode(errors="replace").strip().splitlines()[-10:])
    why = lines[-1] if lines else "it said nothing"
    return Finding(where, "the ports could not be tried from there", why, "run the command again", evidence=lines)
