"""The simulation as a subject. A datagram is what the models' own scene says of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from outlast.contract.model import Model, Ran
from outlast.contract.probe import Output
from outlast.contract.scene import Scene
from outlast.machines.sim.sim import Sim

HEAR = "does it hear"


def _hears(scene: Scene, machine: str, argv: tuple[str, ...]) -> Ran | None:
    if argv[0] != HEAR:
        return None
    sender = scene.host(argv[1])
    return Ran(Output(0 if machine in sender.reaches else 1, "", ""))


@dataclass(frozen=True)
class SimSubject:
    """Simulated machines of which the engine is a pair of ears."""

    home: Path
    models: dict[str, Model] = field(default_factory=lambda: {"ears": Model(run=_hears)})

    async def start(self) -> None:
        """Nothing has to run."""

    async def clear(self) -> None:
        await self.provider().clear()

    def provider(self) -> Sim:
        return Sim("contract", self.home / ".outlast", self.models)

    async def heard(self, sender: str, receiver: str, datagrams: int = 1) -> int:
        machine = await self.provider().connect(receiver)
        answers = [(await machine.run([HEAR, sender])).returncode for _ in range(datagrams)]
        await machine.close()
        return answers.count(0)

    def traces(self) -> Sequence[str]:
        folder = self.home / ".outlast" / "sim"
        return [str(folder)] if folder.exists() else []
