"""Seals the secrets in a site's folder: what lies there can be read with the vault key only.

A sealed file begins with a line that says so; what does not begin with it is in clear, from an earlier version, and is
read as it is until `take_over`. A value is opened once in the life of a process.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from outlast.kernel.errors import Finding, OutlastError
from outlast.seal import durable, key

HEAD = b"sealed by outlast, 1\n"
# Where secrets lie, and what a death in the middle of a write may have left of them.
SECRETS = ("passwords/**/*", "owner/*", "certificates/**/*.key", "ca*.key", "ssh/id_ed25519", "vendor/*_ed25519")
HALVES = (
    "passwords/**/.*.new",
    "owner/.*.new",
    "certificates/**/.*.key.new",
    ".ca*.key.new",
    "ssh/*id_ed25519.new",
    "vendor/.*_ed25519.new",
)


class Seal:
    """The secrets in `folder`, which is the site's own. Nothing is touched before the first use."""

    def __init__(self, folder: Path, site: str, environment: Mapping[str, str] = os.environ) -> None:
        self._folder = folder
        self._site = site
        self._environment = environment
        self._cipher: Fernet | None = None
        self._opened: dict[bytes, bytes] = {}

    def turn(self) -> AbstractContextManager[None]:
        """For who looks whether a secret is there before making it: two makers would each give out their own."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return durable.turn(self._folder / "vault.lock")

    def read(self, path: Path) -> bytes:
        """What was written there. Raises `OutlastError` without the right key."""
        content = path.read_bytes()
        if not content.startswith(HEAD):
            return content
        if content not in self._opened:
            self._opened[content] = self._open(path, content)
        return self._opened[content]

    def write(self, path: Path, content: bytes) -> None:
        """Keep a secret, atomically. Raises `OutlastError` without the right key, and has changed nothing then."""
        durable.write(path, HEAD + self._unlocked().encrypt(content))

    def written(self, path: Path) -> datetime | None:
        """When a secret was sealed; None where it lies in clear. Raises `OutlastError` without the right key."""
        content = path.read_bytes()
        if not content.startswith(HEAD):
            return None
        return datetime.fromtimestamp(self._unlocked().extract_timestamp(content[len(HEAD) :]), UTC)

    def take_over(self) -> None:
        """Prove the key, and seal what lies in clear: the first thing that a command does that changes the site."""
        self._unlocked()
        with self.turn():
            for path in self._every(HALVES):
                path.unlink()
            for path in self._every(SECRETS):
                if not _is_sealed(path):
                    self.write(path, path.read_bytes())

    def forget(self) -> None:
        """Remove the key file, for a site that is going. Needs no key."""
        key.forget(self._folder, self._environment)

    def _open(self, path: Path, content: bytes) -> bytes:
        try:
            return self._unlocked().decrypt(content[len(HEAD) :])
        except InvalidToken:
            why = "it was changed, or sealed with another key"
            fix = "restore it from a copy of the folder"
            raise OutlastError(Finding(str(path), "this secret cannot be opened", why, fix)) from None

    def _unlocked(self) -> Fernet:
        if self._cipher is None:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with durable.turn(self._folder / "key.lock"):
                sealed = any(map(_is_sealed, self._every(SECRETS)))
                self._cipher = key.unlock(self._folder, self._site, self._environment, sealed=sealed)
        return self._cipher

    def _every(self, patterns: tuple[str, ...]) -> Iterator[Path]:
        paths = (path for pattern in patterns for path in sorted(self._folder.glob(pattern)))
        return (path for path in paths if path.is_file())


def _is_sealed(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(len(HEAD)) == HEAD
