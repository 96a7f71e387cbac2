"""What the controllers of a site agreed on, as etcd holds it: under which keys, and what the values say.

Apart from who asks etcd for it, so that an operator's command imports no more than it needs.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass, replace

from pydantic import Base64Bytes, BaseModel, TypeAdapter

from outlast.blueprint.blueprint import Blueprint, dump, parse
from outlast.kernel.errors import Finding, OutlastError
from outlast.kernel.events import Event

INTENT, LEADER = "intent", "leader"


@dataclass(frozen=True, slots=True)
class Keys:
    """Those of one site. What etcd knows under another name is not the site's."""

    site: str

    def of(self, name: str) -> str:
        """The key of what has this name."""
        return f"/outlast/{self.site}/{name}"

    def event(self, number: int) -> str:
        """The key of one event: in the order of their numbers."""
        return self.of(f"events/{number:020}")

    @property
    def events(self) -> tuple[str, str]:
        """Where events begin, and where they end: `0` is the character behind `/`."""
        return self.of("events/"), self.of("events0")


class Held(BaseModel):
    """One key as etcd holds it: `create_revision` is when it came to be, `mod_revision` when it last changed."""

    key: Base64Bytes
    value: Base64Bytes = b""
    create_revision: int
    mod_revision: int


class Range(BaseModel):
    """What is held under some keys."""

    kvs: tuple[Held, ...] = ()


@dataclass(frozen=True, slots=True)
class Happening:
    """What `by` (a member, or an operator) did or saw, at `at` (seconds since 1970 on its clock, for people only).
    `number` grows from one to the next, and is given when it is kept."""

    at: float
    by: str
    event: Event
    number: int = 0


HAPPENING = TypeAdapter(Happening)


def packed(blueprint: Blueprint) -> bytes:
    """The intent for etcd, which takes no large values. The same bytes for the same blueprint."""
    return gzip.compress(dump(blueprint), mtime=0)


def unpacked(value: bytes) -> Blueprint:
    """The intent as etcd holds it. Raises `OutlastError`."""
    try:
        return parse(gzip.decompress(value), "the agreed intent")
    except (OSError, EOFError) as error:
        fix = "run `outlast up`: it writes it anew"
        raise OutlastError(Finding("the agreed intent", "it cannot be read", str(error), fix)) from None


def happened(held: Held) -> Happening:
    """An event as etcd holds it, with its number."""
    return replace(HAPPENING.validate_json(held.value), number=_number(held))


def _number(held: Held) -> int:
    return int(held.key.decode().rpartition("/")[2])
