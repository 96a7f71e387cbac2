"""What the lab remembers of its machines and networks: small JSON files in its folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from outlast.machines.nspawn.names import LABS, Identity
from outlast.machines.provider import Order


@dataclass(frozen=True, slots=True)
class Record:
    """One machine whose disk is complete. `image` is the digest it was made from, empty once its removal began."""

    name: str
    datacenter: str
    address: str
    image: str

    @property
    def order(self) -> Order:
        """The order that the machine was made for."""
        return Order(self.name, self.datacenter, IPv4Address(self.address))


def read(identity: Identity, name: str) -> Record | None:
    """The record of a machine; None when there is none, or when its making was interrupted."""
    path = _path(identity, name)
    return Record(**json.loads(path.read_text())) if path.exists() else None


def write(identity: Identity, record: Record) -> None:
    """Remember a machine: the last step of its making."""
    replace(_path(identity, record.name), json.dumps(asdict(record)))


def every(identity: Identity) -> tuple[Record, ...]:
    """The records of all machines, by name."""
    names = sorted(path.parent.name for path in identity.machines.glob("*/machine.json"))
    return tuple(record for name in names if (record := read(identity, name)))


def images() -> set[str]:
    """The images that machines of any lab on this box stand on."""
    return {json.loads(path.read_text())["image"] for path in LABS.glob("*/machines/*/machine.json")}


@dataclass(frozen=True, slots=True)
class Pin:
    """The image that a lab makes its machines from, and the one of before; empty: the one that its packages name.
    `reverted`: it went back to this one."""

    image: str = ""
    before: str = ""
    reverted: bool = False


def pin(identity: Identity) -> Pin:
    """What was pinned."""
    path = identity.folder / "image.json"
    return Pin(**json.loads(path.read_text())) if path.exists() else Pin()


def write_pin(identity: Identity, pin: Pin) -> None:
    """Remember it."""
    identity.folder.mkdir(parents=True, exist_ok=True)
    replace(identity.folder / "image.json", json.dumps(asdict(pin)))


def pins() -> set[str]:
    """The images that labs on this box have pinned."""
    held = [json.loads(path.read_text()) for path in LABS.glob("*/image.json")]
    return {name for each in held for name in (each["image"], each["before"]) if name}


def networks(lab: Path) -> dict[str, IPv4Network]:
    """The networks that the lab in this folder has claimed, by data centre."""
    path = lab / "networks.json"
    claimed: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    return {datacenter: IPv4Network(network) for datacenter, network in claimed.items()}


def claim(lab: Path, claimed: dict[str, IPv4Network]) -> None:
    """Remember the networks of a lab."""
    lab.mkdir(parents=True, exist_ok=True)
    replace(lab / "networks.json", json.dumps({name: str(network) for name, network in claimed.items()}))


def _path(identity: Identity, name: str) -> Path:
    return identity.machines / name / "machine.json"


def replace(path: Path, text: str) -> None:
    """Replace a small file, atomically."""
    temporary = path.with_suffix(".new")
    with temporary.open("w") as file:
        file.write(text)
        # What is remembered must survive the box: an empty record would cost the machine its disk.
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
