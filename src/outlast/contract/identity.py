"""By what members know each other: a certificate for each, signed by the site's own authority, and where it lies.

Whoever listens asks for a certificate of that authority, and whoever connects does too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from outlast.contract.bundle import File
from outlast.contract.secret import Certificate, certificate, key

AUTHORITY = "/etc/outlast/authority.pem"
"""The certificate of the site's authority, on every machine, for everybody to read."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The certificate of one member, and the files that its machine gets.

    `user` owns the key. Its name is that of the certificate and `.key`, as HAProxy looks for it.
    """

    wanted: Certificate
    path: str
    user: str

    @property
    def key_path(self) -> str:
        """Where the private key lies."""
        return f"{self.path}.key"

    @property
    def files(self) -> tuple[File, File]:
        """The certificate and its private key."""
        name = self.wanted.name
        return (
            File(self.path, f"{certificate(name)}\n"),
            File(self.key_path, f"{key(name)}\n", mode=0o600, owner=self.user),
        )


def identity(member: str, folder: str, *, user: str, addresses: Iterable[str], dns: Iterable[str] = ()) -> Identity:
    """The identity of `member`, to lie in `folder`, for whoever reaches it by one of these addresses and names."""
    return Identity(Certificate(member, (member, *dns), tuple(addresses)), f"{folder}/{member}.pem", user)
