"""Names on the box, all derived from one identity, so that a lab knows its own things and touches no other's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

LABS = Path("/var/lib/outlast/lab")


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
        return f"outlast-{self.text}-"

    def machine(self, name: str) -> str:
        """The machine's name on the box, also that of its network namespace."""
        return self.prefix + name

    def bridge(self, datacenter: str) -> str:
        """The bridge of a data centre (interface names have at most 15 characters)."""
        return f"olb{self._short(datacenter)}"

    def cable(self, name: str) -> str:
        """The box's end of a machine's cable to the bridge."""
        return f"olv{self._short(name)}"

    def _short(self, name: str) -> str:
        return hashlib.sha256(f"{self.text}\n{name}".encode()).hexdigest()[:10]
