"""Kept connections to the machines of a site, and the program that starts and stops faults there."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.kept import Kept
from outlast.machines.machine import Machine
from outlast.machines.provider import Provider
from outlast.proof.faults.block import is_off
from outlast.proof.faults.piece import BLOCK
from outlast.proof.faults.survey import Survey

PROGRAM = files("outlast.proof.faults").joinpath("onboard.py").read_text(encoding="utf-8")
CONNECT_LIMIT = 5.0
ALIVE_LIMIT = 3.0
ASK_LIMIT = 60.0


class Hands:
    """One site's machines. Every call raises `Unreachable` when a machine gives no answer."""

    def __init__(self, provider: Provider) -> None:
        self._kept = Kept(provider, tried=ALIVE_LIMIT)

    async def reach(self, name: str) -> Machine:
        """An open connection that was just seen to work."""
        return await self._kept.connect(name, limit=CONNECT_LIMIT)

    def forget(self, name: str) -> None:
        """Never use a connection again whose other end is gone."""
        self._kept.forget([name])

    async def survey(self, name: str, address: str) -> Survey:
        """What a machine says of its network."""
        return Survey.model_validate(await self._ask(name, {"verb": "survey", "address": address}))

    async def start(self, name: str, pieces: Sequence[Mapping[str, object]]) -> tuple[float, float]:
        """Start the pieces of a fault; answers when the first and the last one held, on our clock.

        A little late, by the time that the answer took: on one's own network a few milliseconds.
        """
        answer = await self._ask(name, {"verb": "start", "block": BLOCK, "pieces": pieces})
        now = time.time()
        if "refused" in answer:
            raise OutlastError(is_off(name) if answer["refused"] == "off" else _failed(name, answer["evidence"]))
        return now - answer["first"], now - answer["last"]

    async def stop(self, name: str, units: Sequence[str]) -> tuple[str, ...]:
        """Stop the units of these patterns; answers those that were still there."""
        return tuple((await self._ask(name, {"verb": "stop", "units": list(units)}))["stopped"])

    async def block(self, name: str, *, on: bool) -> None:
        """Let the machine take faults, or none."""
        await self._ask(name, {"verb": "block", "block": BLOCK, "on": on})

    async def close(self) -> None:
        """End all connections."""
        await self._kept.close()

    async def _ask(self, name: str, request: Mapping[str, object]) -> dict[str, Any]:
        machine = await self.reach(name)
        text = json.dumps(request).encode()
        done = await machine.run(["python3", "-c", PROGRAM], stdin=text, limit=ASK_LIMIT)
        if done.returncode != 0:
            raise OutlastError(_failed(name, done.stderr.decode(errors="replace").strip().splitlines()[-8:]))
        return json.loads(done.stdout)


def _failed(name: str, lines: Sequence[str]) -> Finding:
    why = lines[-1] if lines else "it said nothing"
    fix = "mend what its last lines name; whatever was begun was taken back"
    return Finding(name, "the fault cannot be inflicted there", why, fix, evidence=tuple(lines))
