"""The passwords that Outlast made, and their change: at any instant the database accepts what any app may have.

A change goes `begin`, `switch`, `retire`, `finish`, and after each of the first three the whole site is brought to what
`value` and `other` say then. Each step can be killed and done again. What is under way stands in the file names:
`.incoming` (accepted already, used by nobody yet), `.outgoing` (still accepted, used by nobody soon), `.retired` (no
longer accepted once the site was brought to it).
"""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from outlast.seal import durable
from outlast.seal.seal import Seal

ALPHABET = string.ascii_letters + string.digits
INCOMING, OUTGOING, RETIRED = ".incoming", ".outgoing", ".retired"


@dataclass(frozen=True, slots=True)
class Passwords:
    """The generated passwords below `folder`. Whoever calls holds the seal's turn."""

    folder: Path
    seal: Seal

    def value(self, name: str) -> str:
        """The password that apps use; made on first use."""
        path = self.folder / name
        if not path.exists():
            self._make(path)
        return self._read(path)

    def other(self, name: str) -> str:
        """The one that is accepted beside it; the same when there is none."""
        value = self.value(name)
        beside = (self._path(name, suffix) for suffix in (INCOMING, OUTGOING))
        return next((held for path in beside if path.exists() and (held := self._read(path)) != value), value)

    def under_way(self, name: str) -> bool:
        """Whether a change of it was begun and not finished."""
        return any(self._path(name, suffix).exists() for suffix in (INCOMING, OUTGOING, RETIRED))

    def made(self, name: str) -> datetime | None:
        """When it was made; None: not yet."""
        path = self.folder / name
        return self.seal.written(path) if path.exists() else None

    def begin(self, name: str) -> None:
        """A new password comes, unless one does already or an old one still goes."""
        if not self.under_way(name):
            self.value(name)
            self._make(self._path(name, INCOMING))

    def switch(self, name: str) -> None:
        """The one that came is the one to use."""
        incoming = self._path(name, INCOMING)
        if not incoming.exists():
            return
        old, new = self.value(name), self._read(incoming)
        if old != new:
            self.seal.write(self._path(name, OUTGOING), old.encode())
            self.seal.write(self.folder / name, new.encode())
        durable.remove(incoming)

    def retire(self, name: str) -> None:
        """The one that goes is accepted no longer."""
        outgoing = self._path(name, OUTGOING)
        if outgoing.exists():
            durable.rename(outgoing, self._path(name, RETIRED))

    def finish(self, name: str) -> None:
        """The change is done."""
        durable.remove(self._path(name, RETIRED))

    def _make(self, path: Path) -> None:
        self.seal.write(path, "".join(secrets.choice(ALPHABET) for _ in range(32)).encode())

    def _read(self, path: Path) -> str:
        return self.seal.read(path).decode()

    def _path(self, name: str, suffix: str) -> Path:
        return self.folder / f"{name}{suffix}"
