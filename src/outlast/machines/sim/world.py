"""All simulated machines together: makes scenes of them, lets their engines live, and runs their commands."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock

from outlast.contract.model import Change, Model
from outlast.contract.probe import Output
from outlast.contract.scene import Host, Scene
from outlast.machines.breakage import Breakage
from outlast.machines.sim import disk
from outlast.machines.sim.disk import Disk, Effect
from outlast.machines.sim.program import GREET
from outlast.machines.sim.systemd import Systemd
from outlast.machines.ssh.login import SSH_PORT

# A connection is tried again so often before it counts as impossible; one lost packet breaks none.
TRIES = 3
# An engine that never comes to rest is a fault of its model.
ROUNDS = 20


@dataclass(frozen=True)
class World:
    """The machines on `disk`. `models` are engines by their components; time and chance are given."""

    disk: Disk
    models: Mapping[str, Model]
    clock: Callable[[], float]
    chance: random.Random
    turn: AbstractContextManager[bool] = field(default_factory=RLock, compare=False)

    def systemd(self, name: str) -> Systemd:
        """The systemd of one machine."""
        return Systemd(self.disk.root(name), self.disk.power(name), self.clock)

    def live(self) -> tuple[Host, ...]:
        """Let every engine do what it does by itself, until all rest. Answers the machines as they are then."""
        # Programs that are read while they run have threads of their own, and the disk is one for all.
        with self.turn:
            return self._live()

    def _live(self) -> tuple[Host, ...]:
        self._finish()
        for _ in range(ROUNDS):
            hosts = self._hosts()
            changes = [
                (name, component, change)
                for component, model in self.models.items()
                if model.live
                for name, change in model.live(self._scene(component, hosts)).items()
            ]
            if not self._change(changes):
                return hosts
        raise AssertionError("the engines do not come to rest: a fault of a model")

    def command(self, machine: str, argv: tuple[str, ...]) -> Output | None:
        """What the machine's systemd or one of its engines says to a command; None: it is of neither."""
        with self.turn:
            return self._command(machine, argv)

    def _command(self, machine: str, argv: tuple[str, ...]) -> Output | None:
        match argv:
            case ("systemctl", *words):
                return self.systemd(machine).control(words)
            case (str(word), address, port) if word == GREET:
                return self._greeting(machine, address, int(port))
            case ("/usr/sbin/nft", *_):
                # Packets pass by what is broken on purpose; firewalls are not simulated.
                return Output(0, "", "")
            case ("journalctl", *words):
                return self.systemd(machine).journal(words)
            case _:
                return self._engine(machine, argv)

    def _greeting(self, machine: str, address: str, port: int) -> Output:
        """What a port says to whoever connects: every machine has its sshd, and its engines say what they say."""
        hosts = self._hosts()
        scene = self._scene("", hosts)
        here, there = scene.host(machine), next((host for host in scene.hosts if host.address == address), None)
        if there is None or not scene.connected(here, there):
            return Output(1, "", "no answer\n")
        engines = (model.says(self._scene(name, hosts), there.name, port) for name, model in self.models.items())
        said = "SSH-2.0-simulated\r\n" if port == SSH_PORT else "".join(engines)
        return Output(0, said, "") if said else Output(1, "", "no answer\n")

    def _engine(self, machine: str, argv: tuple[str, ...]) -> Output | None:
        hosts = self.live()
        for component, model in self.models.items():
            ran = model.run(self._scene(component, hosts), machine, argv)
            if ran is not None:
                if self._change([(machine, component, ran.change)]):
                    self.live()
                return ran.output
        return None

    def _hosts(self) -> tuple[Host, ...]:
        broken = self.disk.breakage()
        held = [machine for machine in self.disk.every() if not machine.going]
        on = {machine.name for machine in held if self.disk.power(machine.name).exists()}
        return tuple(
            Host(
                name=machine.name,
                address=machine.address,
                on=machine.name in on,
                processes=self.systemd(machine.name).processes(),
                reaches=frozenset(other for other in on if self._reaches(broken, machine.name, other)),
                read=_reader(self.disk.root(machine.name)),
            )
            for machine in held
        )

    def _reaches(self, broken: Breakage, sender: str, receiver: str) -> bool:
        loss = broken.loss(sender, receiver)
        lost = loss > 0 and all(self.chance.random() < loss for _ in range(TRIES))
        return broken.passes(sender, receiver) and not lost

    def _scene(self, component: str, hosts: tuple[Host, ...]) -> Scene:
        def serving(machine: str) -> frozenset[int]:
            scenes = {name: self._scene(name, hosts) for name in self.models}
            return frozenset[int]().union(*(m.serves(scenes[name], machine) for name, m in self.models.items()))

        return Scene(self.clock(), hosts, lambda machine: self.disk.memory(machine, component), serving)

    def _change(self, changes: Iterable[tuple[str, str, Change]]) -> bool:
        """Whether anything is different now. `changes` go with their machines and components."""
        effects = [effect for change in changes for effect in _effects(*change)]
        different = [effect for effect in effects if self.disk.differs(effect)]
        if len(different) > 1:
            # Machines live on when this process dies: what they are at is finished by whoever comes next.
            self.disk.intend(different)
        self._show(different)
        return bool(different)

    def _finish(self) -> None:
        self._show(self.disk.intended())

    def _show(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            self.disk.show(effect)
        self.disk.done()


def _effects(machine: str, component: str, change: Change) -> Iterator[Effect]:
    yield from (Effect(machine, f"root/{path.lstrip('/')}", text) for path, text in change.writes)
    yield from (Effect(machine, f"root/{path.lstrip('/')}", None) for path in change.removes)
    if change.memory is not None:
        yield Effect(machine, f"engines/{component}", change.memory)


def _reader(root: Path) -> Callable[[str], str | None]:
    return lambda path: disk.read(root / path.lstrip("/"))
