"""References to secrets: markers that stand in a file's text until the moment it is sent to its machine.

Plans, blueprints and logs hold markers only. `resolve` is called by whoever sends; this module must never
see a value that it did not get as an argument.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MARKER = re.compile(r"⟦(?P<kind>[a-z-]+):(?P<name>[a-z0-9/.-]*)⟧")


class Kind(StrEnum):
    """What a marker stands for."""

    PASSWORD = "password"
    """32 characters of [A-Za-z0-9], made on first use."""
    OTHER = "other-password"
    """While that password is changed, the other one of the two that are accepted; otherwise itself."""
    OWNER = "owner"
    """A secret that the owner keeps elsewhere, as it stands between the double quotes of an environment file."""
    CERTIFICATE = "certificate"
    """PEM chain of the named certificate."""
    KEY = "key"
    """PEM private key of the named certificate."""
    AUTHORITY = "authority"
    """PEM certificate of the site's own authority."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One secret that some text needs."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that the site's authority shall sign for these DNS names and addresses (subject alternative
    names)."""

    name: str
    dns: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


def password(name: str) -> str:
    """A marker for a generated password."""
    return f"⟦{Kind.PASSWORD}:{name}⟧"


def other_password(name: str) -> str:
    """A marker for the password that is accepted beside a generated one while that is changed."""
    return f"⟦{Kind.OTHER}:{name}⟧"


def owner(name: str) -> str:
    """A marker for a secret of the owner's, to stand in a quoted value of an environment file."""
    return f"⟦{Kind.OWNER}:{name}⟧"


def certificate(name: str) -> str:
    """A marker for a certificate's PEM text. The part must list the `Certificate` of that name."""
    return f"⟦{Kind.CERTIFICATE}:{name}⟧"


def key(name: str) -> str:
    """A marker for the private key of a certificate."""
    return f"⟦{Kind.KEY}:{name}⟧"


def authority() -> str:
    """A marker for the certificate of the site's authority."""
    return f"⟦{Kind.AUTHORITY}:site⟧"


def references(text: str) -> tuple[Reference, ...]:
    """Every marker in `text`, in order, repeats included."""
    return tuple(Reference(Kind(found["kind"]), found["name"]) for found in MARKER.finditer(text))


def resolve(text: str, value: Callable[[Reference], str]) -> str:
    """`text` with every marker replaced by its value."""
    return MARKER.sub(lambda found: value(Reference(Kind(found["kind"]), found["name"])), text)
