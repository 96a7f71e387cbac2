"""Builds one release, and tells what its build prints."""

from __future__ import annotations

from outlast.contract.bundle import Artifact
from outlast.kernel.events import Emit, Event, Phase
from outlast.machines.provider import BuildOrder, Provider


async def build(artifact: Artifact, order: BuildOrder, provider: Provider, emit: Emit) -> None:
    """Make the release's tar file. Raises `OutlastError` with the last lines when the build fails."""
    subject = f"release {artifact.name}"
    emit(Event(subject, Phase.STARTED, f"builds {artifact.digest}"))
    async for line in provider.build(order):
        emit(Event(subject, Phase.PROGRESS, line))
    emit(Event(subject, Phase.DONE, f"built {artifact.digest}"))
