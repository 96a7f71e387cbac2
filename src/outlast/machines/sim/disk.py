"""What the simulation remembers, all of it in files, so that it outlives the process as real machines do.

<folder>/networks.json           networks of the data centres
<folder>/breakage.json           what is broken on purpose
<folder>/intended.json           what engines are just doing
<folder>/machines/<name>.json    its order: written last when it is made, removed last when it goes
<folder>/machines/<name>/root    its disk
<folder>/machines/<name>/engines what its engines remember, by component: on its disk, so to speak
<folder>/machines/<name>/systemd.json   its systemd: there while its power is on
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address
from pathlib import Path

from outlast.machines import breakage
from outlast.machines.breakage import Breakage
from outlast.machines.provider import Order


@dataclass(frozen=True, slots=True)
class Held:
    """A machine that exists. `going`: its removal began, so it is never started again."""

    name: str
    datacenter: str
    address: str
    going: bool = False

    @property
    def order(self) -> Order:
        """The order that it was made for."""
        return Order(self.name, self.datacenter, IPv4Address(self.address))


@dataclass(frozen=True, slots=True)
class Effect:
    """What an engine does to one file below its machine's folder; None removes it."""

    machine: str
    path: str
    text: str | None


@dataclass(frozen=True, slots=True)
class Disk:
    """The simulation's folder."""

    folder: Path

    @property
    def machines(self) -> Path:
        """Where the machines are."""
        return self.folder / "machines"

    def machine(self, name: str) -> Path:
        """The folder of one machine."""
        return self.folder.joinpath("machines", name)

    def root(self, name: str) -> Path:
        """Its disk."""
        return self.folder.joinpath("machines", name, "root")

    def power(self, name: str) -> Path:
        """Its systemd: a file that is there while the power is on."""
        return self.folder.joinpath("machines", name, "systemd.json")

    def held(self, name: str) -> Held | None:
        """The record of a machine; None when there is none or it was never finished."""
        text = read(self.folder.joinpath("machines", f"{name}.json"))
        return Held(**json.loads(text)) if text is not None else None

    def every(self) -> tuple[Held, ...]:
        """All machines, by name."""
        names = sorted(path.stem for path in self.machines.glob("*.json"))
        return tuple(held for name in names if (held := self.held(name)))

    def hold(self, held: Held) -> None:
        """Remember a machine."""
        write(self.machines / f"{held.name}.json", json.dumps(asdict(held)))

    def forget(self, name: str) -> None:
        """Remove a machine's folder, then its record."""
        if self.machine(name).exists():
            shutil.rmtree(self.machine(name))
        (self.machines / f"{name}.json").unlink(missing_ok=True)

    def memory(self, name: str, component: str) -> str:
        """What an engine remembers on a machine; empty: nothing."""
        return read(self.folder.joinpath("machines", name, "engines", component)) or ""

    def differs(self, effect: Effect) -> bool:
        """Whether an effect makes a difference."""
        return read(self.machine(effect.machine) / effect.path) != effect.text

    def show(self, effect: Effect) -> None:
        """Bring it about; of a machine that is gone, nothing."""
        path = self.machine(effect.machine) / effect.path
        if effect.text is None:
            path.unlink(missing_ok=True)
        elif self.machine(effect.machine).exists():
            write(path, effect.text)

    def intend(self, effects: Sequence[Effect]) -> None:
        """Remember effects that only make sense together."""
        write(self._intended, json.dumps([asdict(effect) for effect in effects]))

    def intended(self) -> tuple[Effect, ...]:
        """Those that a process died at, if one did."""
        return tuple(Effect(**effect) for effect in json.loads(read(self._intended) or "[]"))

    def done(self) -> None:
        """All of them are there."""
        if self._intended.exists():
            self._intended.unlink()

    @property
    def _intended(self) -> Path:
        return self.folder.joinpath("intended.json")

    def breakage(self) -> Breakage:
        """What is broken now."""
        text = read(self.folder / "breakage.json")
        return breakage.parse(text) if text is not None else Breakage()

    def breaks(self, broken: Breakage) -> None:
        """Remember what is broken."""
        write(self.folder / "breakage.json", broken.dump())

    def networks(self) -> dict[str, str]:
        """Networks by data centre."""
        text = read(self.folder / "networks.json")
        return json.loads(text) if text is not None else {}

    def claim(self, networks: dict[str, str]) -> None:
        """Remember the networks."""
        write(self.folder / "networks.json", json.dumps(networks))


def read(path: Path) -> str | None:
    """The text of a file, None when there is none."""
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None


def write(path: Path, text: str) -> None:
    """Replace a file, atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)
