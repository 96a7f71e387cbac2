"""Customers of the database: a program on each machine that uses it, and in a session on a member's own machine.

They go the way of the app: its variable, its account, its proxy. What they print is corrected by how far the clock of
their machine is from ours.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any

from outlast.blueprint.blueprint import Blueprint
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.machines.machine import ExitError, Machine
from outlast.machines.provider import Provider
from outlast.proof.history import Kind, Operation, Outcome, operation

VARIABLE = re.compile(r'^DATABASE_URL="?mysql://', re.MULTILINE)
PREFIX = "outlast_proof_"
STOP = "/run/outlast-proof-stop"
# More sources would load a small lab more than its customers do.
MOST_SOURCES = 2
REGISTERS, ACCOUNTS, BALANCE = 5, 5, 1000
MOST_OPERATIONS = 100_000
LONGEST = 3600.0
CONNECT_LIMIT = 5.0
STEP_LIMIT = 40.0
# (work, customers, pause in seconds): rows as fast as the outage is to be told, the others at a modest rate.
CUSTOMERS = (("append", 1, 0.02), ("update", 1, 0.05), ("look", 1, 0.1), ("transfer", 1, 0.05), ("total", 1, 0.2))
SESSION = (("append", 1, 0.05),)


@dataclass(frozen=True, slots=True)
class Source:
    """A machine with customers: `variables` is the file that tells an app there where the database is; empty: they
    talk to the member on this machine itself."""

    machine: str
    variables: str = ""


def sources(blueprint: Blueprint) -> tuple[Source, ...]:
    """Where an app has a database of MariaDB's kind; none when no app of the site has."""
    found = [
        Source(bundle.machine, file.path)
        for bundle in blueprint.bundles
        for held in bundle.parts
        for file in held.part.files
        if VARIABLE.search(file.content)
    ]
    return tuple(found[:MOST_SOURCES])


@dataclass
class DatabaseLoad:
    """The customers of one trial. `operations` grows while they work."""

    blueprint: Blueprint
    provider: Provider
    run: str
    customers: Sequence[tuple[str, int, float]] = CUSTOMERS
    operations: list[Operation] = field(default_factory=list[Operation])
    lost: set[str] = field(default_factory=set[str])

    async def prepare(self) -> None:
        """Make the tables anew. Raises `OutlastError` when the database cannot be used at all."""
        await self._step("prepare")

    async def remove(self) -> None:
        """Take the tables away."""
        with suppress(OutlastError):
            await self._step("remove")

    async def final(self) -> None:
        """Look at everything that is there now, from each source that answers."""
        await asyncio.gather(*(self._final(source) for source in sources(self.blueprint)))

    @asynccontextmanager
    async def working(self, session: str | None, limit: float) -> AsyncGenerator[None]:
        """Customers work inside; `session` is a member's machine on which one more talks to that member itself."""
        wanted = [(source, self.customers) for source in sources(self.blueprint)]
        wanted += [(Source(session), SESSION)] if session else []
        tasks = [asyncio.create_task(self._load(source, customers, limit)) for source, customers in wanted]
        try:
            yield
        finally:
            await asyncio.gather(*(self._tell(source.machine) for source, _ in wanted))
            await _end(tasks)
            self.operations += list(self._under_way())

    async def _load(self, source: Source, customers: Iterable[tuple[str, int, float]], limit: float) -> None:
        """Runs until it is told to stop; a machine that is lost takes its customers with it."""
        asked = {**self._asked(source), "customers": list(customers), "seconds": min(limit, LONGEST)}
        try:
            machine = await self.provider.connect(source.machine, limit=CONNECT_LIMIT)
        except Unreachable:
            self.lost.add(source.machine)
            return
        try:
            await machine.run(["rm", "-f", self._stop], limit=CONNECT_LIMIT)
            await self._hear(machine, "load", asked, limit + STEP_LIMIT)
        except (Unreachable, TimeoutError, ExitError):
            self.lost.add(source.machine)
        finally:
            await machine.close()

    def _under_way(self) -> Iterator[Operation]:
        """What customers may have been doing when their machine was lost: nobody heard the end of it."""
        now = time.time()
        last = {done.client: done for done in self.operations if done.source in self.lost}
        for done in last.values():
            # Which register it was, nobody knows either.
            keys = [str(number) for number in range(REGISTERS)] if done.kind is Kind.UPDATE else [f"{done.key}?"]
            for key in keys:
                yield Operation(done.client, done.kind, key, done.ended, now, Outcome.UNKNOWN, error="machine lost")

    async def _final(self, source: Source) -> None:
        try:
            machine = await self.provider.connect(source.machine, limit=CONNECT_LIMIT)
        except Unreachable:
            return
        try:
            with suppress(Unreachable, TimeoutError, ExitError):
                await self._hear(machine, "final", self._asked(source), STEP_LIMIT)
        finally:
            await machine.close()

    async def _hear(self, machine: Machine, verb: str, asked: dict[str, Any], limit: float) -> None:
        began, offset = time.time(), 0.0
        argv = ["python3", "-c", _program(), verb, json.dumps(asked)]
        async for line in machine.lines(argv, limit=limit):
            if not line.startswith("{"):
                continue
            entry = json.loads(line)
            if "now" in entry:
                # Somewhere between our question and now; the whole way is a few milliseconds.
                offset = entry["now"] - (began + time.time()) / 2
                offset = 0.0 if abs(offset) < time.time() - began else offset
                continue
            seen = operation(entry)
            self.operations.append(replace(seen, began=seen.began - offset, ended=seen.ended - offset))

    async def _step(self, verb: str) -> None:
        """One step from the first source that carries it out."""
        why = "no app of the site uses a database"
        for source in sources(self.blueprint):
            try:
                machine = await self.provider.connect(source.machine, limit=CONNECT_LIMIT)
            except Unreachable as error:
                why = error.findings[0].why
                continue
            try:
                argv = ["python3", "-c", _program(), verb, json.dumps(self._asked(source))]
                done = await machine.run(argv, limit=STEP_LIMIT)
            finally:
                await machine.close()
            if done.returncode == 0:
                return
            why = (done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
        fix = "see `outlast status`; the site must be healthy before anything is broken on purpose"
        raise OutlastError(Finding("database", f"the tables for customers could not be made ({verb})", why, fix))

    async def _tell(self, name: str) -> None:
        """Tell the customers on one machine to stop; one that does not hear stops by itself."""
        with suppress(Unreachable):
            machine = await self.provider.connect(name, limit=CONNECT_LIMIT)
            try:
                await machine.run(["touch", self._stop], limit=CONNECT_LIMIT)
            finally:
                await machine.close()

    @property
    def _stop(self) -> str:
        return f"{STOP}-{self.run}"

    def _asked(self, source: Source) -> dict[str, Any]:
        return {
            "source": source.machine,
            "variables": source.variables,
            "schema": self.blueprint.topology.site,
            "prefix": PREFIX,
            "run": self.run,
            "once": not source.variables,
            "stop": self._stop,
            "most": MOST_OPERATIONS,
            "registers": REGISTERS,
            "accounts": ACCOUNTS,
            "balance": BALANCE,
        }


def _program() -> str:
    return files("outlast.proof.workloads").joinpath("programs/mysql.py.j2").read_text(encoding="utf-8")


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=STEP_LIMIT / 2)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
