"""The lab as a subject. Datagrams are real ones, counted where they arrive."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from outlast.machines.nspawn.lab import Lab
from outlast.machines.nspawn.names import Identity
from tests.lab.site import traces, until

SITE = "outlast-test-contract"
PORT = 40_000
# Says that it listens by a file, because only then may anybody send.
RECEIVE = """
import socket, sys
from pathlib import Path
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    own.bind(("0.0.0.0", int(sys.argv[1])))
    Path(sys.argv[3]).touch()
    own.settimeout(3)
    count = 0
    try:
        while count < int(sys.argv[2]):
            own.recv(100)
            count += 1
            own.settimeout(0.7)
    except TimeoutError:
        pass
print(count)
"""
SEND = """
import socket, sys, time
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
    for _ in range(int(sys.argv[3])):
        own.sendto(b"word", (sys.argv[1], int(sys.argv[2])))
        time.sleep(0.002)
"""


@dataclass
class LabSubject:
    """Real machines. Each question has a port of its own, so that no late word counts for another."""

    home: Path
    port: int = PORT

    async def start(self) -> None:
        """Nothing has to run."""

    async def clear(self) -> None:
        await self.provider().clear()

    def provider(self) -> Lab:
        return Lab(SITE, self.home, self.home / ".outlast")

    async def heard(self, sender: str, receiver: str, datagrams: int = 1) -> int:
        """From within their network namespaces: a command over SSH would suffer from what is broken."""
        self.port += 1
        port, ready = str(self.port), self.home / f"listens-{self.port}"
        address = str(next(found.address for found in await self.provider().list() if found.name == receiver))
        ear = await self._start(receiver, RECEIVE, port, str(datagrams), str(ready))
        await asyncio.to_thread(until, "it listens", ready.exists, 10.0)
        mouth = await self._start(sender, SEND, address, port, str(datagrams))
        assert await mouth.wait() == 0
        return int((await ear.communicate())[0])

    async def _start(self, name: str, program: str, *words: str) -> asyncio.subprocess.Process:
        space = Identity(SITE, self.home).machine(name)
        argv = ["ip", "netns", "exec", space, sys.executable, "-c", program, *words]
        return await asyncio.create_subprocess_exec(*argv, stdout=asyncio.subprocess.PIPE)

    def traces(self) -> Sequence[str]:
        return traces(SITE)
