"""The owner's secrets on their way into the site: found when `up` runs, compared with what is kept, never shown.

What a plan says of them is their names. It holds no digest of a value either: one of a weak secret could be guessed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from outlast.apply.obtain import obtain
from outlast.apply.vault import Vault
from outlast.blueprint.blueprint import Blueprint
from outlast.blueprint.readers import readers
from outlast.kernel.errors import Invalid
from outlast.site.load import Loaded


@dataclass(frozen=True, slots=True)
class SecretChange:
    """A secret whose value is another than at the last `up`, or that was not there: the services that get it."""

    secret: str
    what: str
    services: tuple[str, ...]

    @property
    def text(self) -> str:
        """All of it in plain words."""
        return f"secret {self.secret}: {self.what}; {', '.join(self.services)} gets it, and starts anew"


def find(loaded: Loaded, blueprint: Blueprint, home: Path, service: str = "") -> dict[str, str]:
    """The values of all secrets that somebody reads, or that `service` does. Raises `Invalid` with all that cannot be
    found, and where the site file names it."""
    read = {name: by for name, by in readers(blueprint).items() if service in ("", *by)}
    wanted = {name: loaded.site.secrets[name] for name in read}
    try:
        return obtain(wanted, home, os.environ)
    except Invalid as error:
        places = loaded.places
        raise Invalid(*(replace(f, where=places.where(*f.where.split("."))) for f in error.findings)) from None


def changes(vault: Vault, values: Mapping[str, str], blueprint: Blueprint) -> tuple[SecretChange, ...]:
    """What differs from what is kept."""
    read, differing = readers(blueprint), vault.differing(values)
    return tuple(
        SecretChange(name, "its value changed" if kept else "it is new", read[name])
        for name, kept in sorted(differing.items())
    )
