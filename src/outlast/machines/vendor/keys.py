"""The vendor's own keys, sealed beside the site file, and what a controller is handed so that it finds the vendor.

They are not the machines' keys: who may ask for machines may not log in to them by that, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path

import asyncssh
from pydantic import BaseModel, ConfigDict, ValidationError

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.nspawn.operator import new_key
from outlast.machines.vendor.words import HostKey
from outlast.seal.seal import Seal

FOLDER = "vendor"
ACCESS = "access.json"
CLIENT, HOST = "id_ed25519", "host_ed25519"


class Vending(BaseModel):
    """Where a site's vendor is reached: at the first of `addresses` that answers. `host_key` is the one it shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    addresses: tuple[IPv4Address, ...]
    port: int
    host_key: HostKey


class Keys:
    """The folder `vendor` of a site's state: one key lets askers in, the other is the vendor's face."""

    def __init__(self, state: Path, seal: Seal) -> None:
        self.folder = state / FOLDER
        self._seal = seal

    def client(self) -> asyncssh.SSHKey:
        """The key of those who may ask. Raises `OutlastError` when it cannot be opened."""
        return self._key(CLIENT)

    def host(self) -> asyncssh.SSHKey:
        """The vendor's own. Only its computer has it."""
        return self._key(HOST)

    def ensure(self) -> None:
        """Make the keys that are not there."""
        with self._seal.turn():
            for name in (CLIENT, HOST):
                if not (self.folder / name).exists():
                    self._seal.write(self.folder / name, new_key().export_private_key())

    def handed_over(self, vending: Vending) -> Mapping[str, bytes]:
        """The files, by their names below the site's state, with which a controller reaches the vendor. All of it is
        readable or sealed: whoever opens it has the vault key."""
        return {
            f"{FOLDER}/{ACCESS}": vending.model_dump_json().encode(),
            f"{FOLDER}/{CLIENT}": (self.folder / CLIENT).read_bytes(),
        }

    def _key(self, name: str) -> asyncssh.SSHKey:
        path = self.folder / name
        try:
            return asyncssh.import_private_key(self._seal.read(path))
        except FileNotFoundError:
            why = "its file is gone, or was not handed over"
            raise OutlastError(Finding(str(path), "the vendor's key is not there", why, "run `outlast up`")) from None


def vending_in(state: Path) -> Vending | None:
    """What was handed over to the controller whose site's state this is; None where nobody handed over anything.

    Raises `OutlastError` when it cannot be read: to make machines here instead would be a second site.
    """
    path = state / FOLDER / ACCESS
    try:
        return Vending.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise OutlastError(_damaged(path, str(error.errors(include_url=False)[0]["msg"]))) from None


def _damaged(path: Path, why: str) -> Finding:
    return Finding(str(path), "what was handed over cannot be read", why, "run `outlast up` where the site was made")
