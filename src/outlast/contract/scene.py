"""The simulated world as an engine's model sees it at one moment. Values, and files by their content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Process:
    """A systemd service. `state` as systemd names it; `run` is another text at each start, empty while stopped."""

    state: str = "inactive"
    run: str = ""
    since: float = 0.0
    restarts: int = 0

    @property
    def runs(self) -> bool:
        """Whether it is active."""
        return self.state == "active"


STOPPED = Process()


@dataclass(frozen=True, slots=True)
class Host:
    """One machine. `reaches` names the machines that its packets get to.

    `read` answers the text of a file, None when there is none. A machine that is off has no processes, but its disk.
    """

    name: str
    address: str
    on: bool
    processes: Mapping[str, Process]
    reaches: frozenset[str]
    read: Callable[[str], str | None]

    def process(self, service: str) -> Process:
        """The service, stopped when systemd does not know it."""
        return self.processes.get(service, STOPPED)


@dataclass(frozen=True)
class Scene:
    """All machines at the moment `now` (seconds). `memory` is the model's own text on a machine, empty at first;
    `serving` the ports of a machine that give good answers."""

    now: float
    hosts: tuple[Host, ...]
    memory: Callable[[str], str]
    serving: Callable[[str], frozenset[int]]

    def host(self, name: str) -> Host:
        """The machine of that name. Raises `KeyError` when there is none."""
        return next(host for host in self.hosts if host.name == name)

    def connected(self, one: Host, other: Host) -> bool:
        """Whether both run and packets get there and back; every machine is connected to itself."""
        both = one.name in other.reaches and other.name in one.reaches
        return one.on and other.on and (one.name == other.name or both)

    def answers(self, asker: Host, address: str, port: int) -> bool:
        """Whether `asker` gets a good answer from that address and port."""
        host = next((host for host in self.hosts if host.address == address), None)
        return host is not None and self.connected(asker, host) and port in self.serving(host.name)
