"""The customer as the bench sees it: a program on the client's machine, and the log that it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from bench.failover_peers.system import System
from bench.failover_peers.waiting import until

from outlast.machines.machine import Machine

PROGRAM = Path(__file__).with_name("client.py")
PLACE = "/srv/outlast-peers/client.py"
LOG = "/run/outlast-peers.log"
UNIT = "outlast-peers"
# Rows are committed for so long before the fault, after the failover, and after the member's return (s).
STEADY = 2.0


@dataclass(frozen=True, slots=True)
class Log:
    """What the customer wrote down: (row, when), (server's address, when), and when something failed."""

    rows: tuple[tuple[int, float], ...]
    servers: tuple[tuple[str, float], ...]
    errors: tuple[float, ...]

    @classmethod
    def read(cls, text: str) -> Log:
        """From whole lines; one that is being written is left for the next look."""
        lines = [line.split() for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return cls(
            rows=tuple((int(words[1]), float(words[2])) for words in lines if words[0] == "row"),
            servers=tuple((words[1], float(words[2])) for words in lines if words[0] == "server"),
            errors=tuple(float(words[1]) for words in lines if words[0] == "error"),
        )

    def longest_gap(self, since: float, before: float) -> float:
        """The longest time without an acknowledgement that began between the two moments."""
        times = [when for _, when in self.rows]
        return max((later - earlier for earlier, later in pairwise(times) if since <= earlier < before), default=0.0)

    def steady(self, since: float) -> bool:
        """Whether one server has served for a while, connected after `since`."""
        return (
            bool(self.rows and self.servers)
            and self.servers[-1][1] > since
            and self.rows[-1][1] > self.servers[-1][1] + STEADY
        )


class Customer:
    """The program on the client's machine, over one kept connection."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._machine: Machine | None = None

    async def __aenter__(self) -> Customer:
        self._machine = await self._system.provider.connect(self._system.client)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._run(["systemctl", "stop", UNIT], check=False)
        await self._there.close()

    async def put(self) -> None:
        """Bring the program."""
        await self._there.put(PLACE, PROGRAM.read_bytes())

    async def start(self, number: int) -> None:
        """Begin to commit."""
        await self._program("work", str(number), how=(f"--unit={UNIT}", f"--property=StandardOutput=truncate:{LOG}"))

    async def stop(self) -> Log:
        """End it; answers everything that it wrote down."""
        await self._run(["systemctl", "stop", UNIT])
        return await self.log()

    async def log(self) -> Log:
        """Everything so far."""
        return Log.read((await self._there.get(LOG)).decode())

    async def ask(self, *words: str) -> list[str]:
        """What the program prints when it does not work."""
        return (await self._program(*words, how=("--pipe", "--wait"))).splitlines()

    async def until_steady(self, since: float, limit: float) -> None:
        """Wait until the customer is served by a connection made after `since`."""

        async def steady() -> bool:
            return (await self._latest()).steady(since)

        await until(f"{self._system.name} serves", steady, limit)

    async def until_later(self, moment: float, limit: float) -> None:
        """Wait until a row is acknowledged a while after `moment`."""

        async def later() -> bool:
            rows = (await self._latest()).rows
            return bool(rows) and rows[-1][1] > moment + STEADY

        await until(f"{self._system.name} still serves", later, limit)

    async def _latest(self) -> Log:
        """The last server and the last line."""
        lines = await self._run(["sh", "-c", f"grep ^server {LOG} | tail -n 1; tail -n 1 {LOG}"], check=False)
        return Log.read(lines)

    async def _program(self, *words: str, how: Sequence[str]) -> str:
        runner = ["systemd-run", "--quiet", "--collect", *how, *self._system.environment]
        return await self._run([*runner, "/usr/bin/python3", PLACE, *words])

    async def _run(self, argv: Sequence[str], *, check: bool = True) -> str:
        done = await self._there.run(argv)
        assert not check or done.returncode == 0, f"{argv}: {done.stderr.decode()}"
        return done.stdout.decode()

    @property
    def _there(self) -> Machine:
        assert self._machine is not None
        return self._machine
