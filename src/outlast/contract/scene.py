"""The simulated world as an engine's model sees it at one moment. Values, and files by their content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


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
    """One machine. `reaches` names the machines that its packets get to; `memory` is the model's own text there.

    `read` answers the text of a file, None when there is none. A machine that is off has no processes, but its disk.
    """

    name: str
    address: str
    on: bool
    processes: Mapping[str, Process]
    reaches: frozenset[str]
    read: Callable[[str], str | None]
    memory: str = ""

    def process(self, service: str) -> Process:
        """The service, stopped when systemd does not know it."""
        return self.processes.get(service, STOPPED)


@dataclass(frozen=True)
class Scene:
    """All machines at the moment `now` (seconds). `serving`: the ports that give good answers, by machine."""

    now: float
    hosts: tuple[Host, ...]
    serving: Mapping[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])

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
        return host is not None and self.connected(asker, host) and port in self.serving.get(host.name, frozenset())

    @property
    def by_name(self) -> dict[str, Host]:
        """The machines by their names."""
        return {host.name: host for host in self.hosts}
