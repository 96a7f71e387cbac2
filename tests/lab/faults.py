"""Faults inflicted by `outlast chaos run`, whose process is killed while they hold."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from outlast.blueprint.blueprint import Blueprint
from outlast.kernel.errors import Unreachable
from outlast.machines.machine import Machine
from outlast.machines.nspawn.lab import Lab
from outlast.machines.provider import Power
from tests.lab.site import OUTLAST, LabSite

LOG = logging.getLogger(__name__)
SECONDS = 6
BEGIN_LIMIT = 60.0
ATTEMPTS = 3
# Looking takes its time too, on a busy box.
LATE = 3.0
# What somebody sees of a port: `open`, or `silent` when nobody answers within a second.
SEE = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 1).close()
    print("open")
except TimeoutError:
    print("silent")
"""


@dataclass(frozen=True)
class Ward:
    """The site that suffers, with kept connections to its machines."""

    site: LabSite
    provider: Lab
    blueprint: Blueprint
    machines: dict[str, Machine] = field(default_factory=dict[str, Machine])

    async def said(self, machine: str, *argv: str) -> str:
        """What a command prints there."""
        try:
            if machine not in self.machines:
                self.machines[machine] = await self.provider.connect(machine)
            done = await self.machines[machine].run(argv, limit=20)
        except Unreachable:
            # It lost its power since.
            self.machines[machine] = await self.provider.connect(machine)
            done = await self.machines[machine].run(argv, limit=20)
        return done.stdout.decode().strip()

    async def sees(self, one: str, other: str, port: int) -> str:
        """How a port of one machine looks from another one."""
        return await self.said(one, "python3", "-c", SEE, self.address(other), str(port))

    async def property(self, machine: str, unit: str, name: str) -> str:
        """What systemd knows of a unit there."""
        return await self.said(machine, "systemctl", "show", f"--property={name}", "--value", unit)

    async def faults(self, machine: str) -> list[str]:
        """The units of faults there, and the tables that they made."""
        units = await self.said(
            machine, "systemctl", "list-units", "--all", "--plain", "--no-legend", "outlast-fault-*"
        )
        tables = await self.said(machine, "nft", "list", "tables", "netdev")
        return [line.split()[0] for line in units.splitlines()] + [line.split()[-1] for line in tables.splitlines()]

    async def power(self, machine: str) -> Power:
        """Whether the provider sees it running."""
        return next(found.power for found in await self.provider.list() if found.name == machine)

    async def answers(self, machine: str) -> bool:
        """Whether it takes a new connection."""
        try:
            await (await self.provider.connect(machine, limit=1.0)).close()
        except Unreachable:
            return False
        return True

    def address(self, machine: str) -> str:
        """Its own address."""
        return self.blueprint.topology.machine_by_name[machine].address

    async def close(self) -> None:
        """End all connections."""
        await asyncio.gather(*(machine.close() for machine in self.machines.values()))


@dataclass(frozen=True)
class Case:
    """A fault as a person asks for it. `held`: it is seen to hold; `whole`: nothing of it is left, at the latest
    `late` seconds after its time was up. `began`: when its tool is killed, unless that is when it says that it holds.
    """

    words: tuple[str, ...]
    held: Callable[[Ward], Awaitable[bool]]
    whole: Callable[[Ward], Awaitable[bool]]
    late: float = LATE
    began: Callable[[Ward], Awaitable[bool]] | None = None


def tool(site: LabSite, *words: str, seconds: int = SECONDS) -> subprocess.Popen[str]:
    """`outlast chaos run`, just started."""
    command = [str(OUTLAST), "chaos", "run", "-f", str(site.home / "site.yaml"), *words, "--force"]
    return subprocess.Popen([*command, "--for", f"{seconds}s"], stderr=subprocess.PIPE, text=True)


def holds(process: subprocess.Popen[str]) -> None:
    """Wait until it says that its fault holds."""
    assert process.stderr is not None
    said = process.stderr.readline()
    assert "holds" in said, said + process.stderr.read()


def kill(process: subprocess.Popen[str]) -> None:
    """End it at once: it cannot undo anything."""
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


async def orphan(ward: Ward, case: Case) -> float:
    """Its tool is killed while it holds, and it goes away by itself. Answers after how long nothing was left of it."""
    began = await _killed(ward, case)
    held = await case.held(ward)
    for _ in range(ATTEMPTS):
        # On a busy box a look may come when the fault has gone already: that says nothing.
        if held or time.monotonic() - began < SECONDS:
            break
        began = await _killed(ward, case)
        held = await case.held(ward)
    assert held, f"{case.words}: it does not hold"
    await until_true(f"nothing is left of {case.words}", lambda: case.whole(ward), SECONDS + case.late)
    return time.monotonic() - began


async def _killed(ward: Ward, case: Case) -> float:
    """Begin a fault and kill its tool; answers when."""
    process = tool(ward.site, *case.words)
    try:
        if begins := case.began:
            await until_true(f"{case.words} begins", lambda: begins(ward), BEGIN_LIMIT)
        else:
            await asyncio.to_thread(holds, process)
    finally:
        kill(process)
    return time.monotonic()


async def until_true(what: str, check: Callable[[], Awaitable[bool]], limit: float) -> None:
    """Wait until machines answer a question by yes."""
    began = time.monotonic()
    while not await check():
        assert time.monotonic() - began < limit, f"not within {limit} s: {what}"
        await asyncio.sleep(0.1)


async def orphans(ward: Ward, *cases: Case) -> None:
    """Several at once, each with a tool of its own."""
    took = await asyncio.gather(*(orphan(ward, case) for case in cases))
    for case, seconds in zip(cases, took, strict=True):
        LOG.info("%s: nothing left %.1f s after its tool was killed", " ".join(case.words), seconds)


def guardians(site: str) -> list[str]:
    """Processes that watch over machines of this site."""
    found: list[str] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [words] if "outlast.proof.faults.guardian" in words and site in words else []
    return found
