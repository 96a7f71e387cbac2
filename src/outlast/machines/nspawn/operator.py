"""The operator's key to the machines of a lab: kept sealed beside the site file, opened in memory only.

An SSH client wants a file. It gets one that lies in this process's memory: it has no name on any disk, only the same
user can open it, and it is gone with the process, however that ends.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path

import asyncssh

from outlast.seal.seal import Seal


class Operator:
    """The key in `folder`, and the host keys that it may be shown to."""

    def __init__(self, folder: Path, seal: Seal) -> None:
        self.known_hosts = folder / "known_hosts"
        self._path = folder / "id_ed25519"
        self._seal = seal
        self._opened: tuple[bytes, Path] | None = None

    def ensure(self) -> asyncssh.SSHKey:
        """The key, made now when there is none."""
        with self._seal.turn():
            if not self._path.exists():
                self._seal.write(self._path, new_key().export_private_key())
            return asyncssh.import_private_key(self._seal.read(self._path))

    def opened(self) -> Path:
        """A file with the key, as long as this object lives; the sealed one's own path when there is none to open."""
        if not self._path.exists():
            return self._path
        key = self._seal.read(self._path)
        if self._opened is None or self._opened[0] != key:
            self._opened = (key, self._in_memory(key))
        return self._opened[1]

    def _in_memory(self, key: bytes) -> Path:
        descriptor = os.memfd_create("key")
        weakref.finalize(self, os.close, descriptor)
        # OpenSSH refuses keys that others may read.
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, key)
        return Path(f"/proc/{os.getpid()}/fd/{descriptor}")


def new_key() -> asyncssh.SSHKey:
    """A key that nobody has."""
    return asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType]
