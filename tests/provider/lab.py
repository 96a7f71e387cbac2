"""The lab as a subject. Datagrams are real ones, counted where they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from outlast.machines.nspawn.lab import Lab
from tests.lab.site import traces

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
WAIT = 'until [ -e "$1" ]; do sleep 0.02; done; rm "$1"'


@dataclass
class LabSubject:
    """Real machines. Each question has a port of its own, so that no late word counts for another."""

    home: Path
    port: int = PORT

    def provider(self) -> Lab:
        return Lab(SITE, self.home, self.home / ".outlast")

    async def heard(self, sender: str, receiver: str, datagrams: int = 1) -> int:
        self.port += 1
        provider = self.provider()
        address = str(next(found.address for found in await provider.list() if found.name == receiver))
        mouth, ear = await asyncio.gather(provider.connect(sender), provider.connect(receiver))
        try:
            ready = f"/run/listens-{self.port}"
            hearing = asyncio.create_task(
                ear.run(["python3", "-c", RECEIVE, str(self.port), str(datagrams), ready], limit=30.0)
            )
            await ear.run(["sh", "-c", WAIT, "wait", ready], limit=10.0)
            await mouth.run(["python3", "-c", SEND, address, str(self.port), str(datagrams)], limit=30.0)
            return int((await hearing).stdout)
        finally:
            await asyncio.gather(mouth.close(), ear.close())

    def traces(self) -> Sequence[str]:
        return traces(SITE)
