"""Builds the releases of a run, each once, and tells what its build prints."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from outlast.contract.bundle import Artifact
from outlast.controller.logbook import Logbook
from outlast.controller.steps import Steps
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.provider import BuildOrder, Provider


@dataclass(frozen=True)
class Builds:
    """`orders` says for each artifact's name how its release is built."""

    orders: Mapping[str, BuildOrder]
    provider: Provider
    steps: Steps
    log: Logbook
    emit: Emit

    def lacks(self, artifact: Artifact) -> bool:
        """Whether the release has to be built first."""
        order = self.orders.get(artifact.name)
        return order is not None and not order.target.exists()

    def release(self, artifact: Artifact) -> asyncio.Task[Path]:
        """The release's tar file, which exists on this box then."""
        return self.steps.once(f"release {artifact.name} {artifact.digest}", lambda: self._built(artifact))

    async def _built(self, artifact: Artifact) -> Path:
        order = self.orders[artifact.name]
        if not order.target.exists():
            with self.log.span(f"build {artifact.name}"):
                await build(artifact, order, self.provider, self.emit)
            self.log.did(f"release {artifact.name}: built {artifact.digest}")
        return order.target


async def build(artifact: Artifact, order: BuildOrder, provider: Provider, emit: Emit) -> None:
    """Make the release's tar file. Raises `OutlastError` with the last lines when the build fails."""
    subject = f"release {artifact.name}"
    emit(Event(subject, Phase.STARTED, f"builds {artifact.digest}"))
    async with _brought(order):
        async for line in provider.build(order):
            emit(Event(subject, Phase.PROGRESS, line))
    emit(Event(subject, Phase.DONE, f"built {artifact.digest}"))


@asynccontextmanager
async def _brought(order: BuildOrder) -> AsyncGenerator[None]:
    """The source is there, and what was made only for this build goes with it."""
    if order.bring is None:
        yield
        return
    # Also what a command that was killed has left.
    await asyncio.to_thread(shutil.rmtree, order.source, ignore_errors=True)
    try:
        await asyncio.to_thread(order.bring, order.source)
        yield
    finally:
        shutil.rmtree(order.source, ignore_errors=True)
