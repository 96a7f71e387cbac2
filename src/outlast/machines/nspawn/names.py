"""Names on the box, all derived from one identity, so that a lab knows its own things and touches no other's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

LABS = Path("/var/lib/outlast/lab")
PREFIX = "outlast-"


@dataclass(frozen=True, slots=True)
class Identity:
    """One site of one folder on this box: two checkouts of a site are two labs."""

    site: str
    home: Path

    @property
    def text(self) -> str:
        """`shop-1a2b3c`: the site and six digits of its folder's path."""
        digest = hashlib.sha256(f"{self.site}\n{self.home.resolve()}".encode()).hexdigest()
        return f"{self.site}-{digest[:6]}"

    @property
    def folder(self) -> Path:
        """Where the lab keeps everything of this site."""
        return LABS / self.text

    @property
    def machines(self) -> Path:
        """Where the machines' disks are, one folder each."""
        return self.folder / "machines"

    @property
    def prefix(self) -> str:
        """What every machine and network namespace of this lab is called at first."""
        return f"{PREFIX}{self.text}-"

    def machine(self, name: str) -> str:
        """The machine's name on the box, also that of its network namespace."""
        return self.prefix + name

    @property
    def vendor(self) -> str:
        """The control group of the lab's vendor. No machine is called so: their names begin with a data centre's."""
        return self.machine("vendor")

    @property
    def switch(self) -> str:
        """The network namespace that holds the bridges of this lab."""
        return f"{PREFIX}{self.text}"

    def bridge(self, datacenter: str) -> str:
        """The bridge of a data centre (interface names have at most 15 characters)."""
        return f"olb{self._hash(datacenter)[:10]}"

    def uplink(self, datacenter: str) -> str:
        """The box's own cable to that bridge."""
        return f"olu{self._hash(datacenter)[:10]}"

    def cable(self, name: str) -> str:
        """The bridge's end of a machine's cable."""
        return f"olv{self._hash(name)[:10]}"

    def hardware_address(self, name: str) -> str:
        """The Ethernet address of a machine: the same at every boot, as real ones have it."""
        digits = self._hash(name)
        # The second digit 2 marks an address as locally administered and of one receiver (IEEE 802).
        return ":".join(["02", *(digits[place : place + 2] for place in range(0, 10, 2))])

    def _hash(self, name: str) -> str:
        return hashlib.sha256(f"{self.text}\n{name}".encode()).hexdigest()
