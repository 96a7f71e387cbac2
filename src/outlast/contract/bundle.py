"""What one machine must hold: files, services and artifacts, in parts (one for each member) with a digest.

All values serialise as they stand; texts hold secret markers, never secrets.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

from outlast.contract.secret import Certificate
from outlast.contract.slot import Slot


@dataclass(frozen=True, slots=True)
class File:
    """One file on the machine; `content` is text and may hold secret markers."""

    path: str
    content: str
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"


@dataclass(frozen=True, slots=True)
class Service:
    """A systemd service and the files whose change asks for a restart or (cheaper) a reload.

    `unit` is the unit file's text; its own change is a restart. A service with `enabled` False is never
    started with the machine (a one-time job).
    """

    name: str
    unit: str
    restart_on: tuple[str, ...] = ()
    reload_on: tuple[str, ...] = ()
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Artifact:
    """A built release: the tar file of that digest, unpacked at `path`."""

    name: str
    digest: str
    path: str


@dataclass(frozen=True, slots=True)
class Once:
    """A job that runs once for `key` in the whole cluster, before its members are activated: a one-shot service."""

    key: str
    service: str


@dataclass(frozen=True, slots=True)
class Part:
    """What one member needs on its machine.

    `probe` is an argv that prints what the component's `parse` reads, within 5 seconds. `digest` is one that prints the
    same text on all members of a cluster that hold the same. `slot` is set for a member that has two, and `twin` names
    its service in the other one.
    """

    files: tuple[File, ...] = ()
    services: tuple[Service, ...] = ()
    probe: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    once: tuple[Once, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    digest: tuple[str, ...] = ()
    slot: Slot | None = None
    twin: str = ""

    @property
    def main(self) -> Service:
        """The service that the member is: the first one that starts with the machine. The others help it."""
        return next(service for service in self.services if service.enabled)


@dataclass(frozen=True, slots=True)
class MemberPart:
    """A part and the member whose it is (`""`: the machine's own base)."""

    member: str
    part: Part


@dataclass(frozen=True)
class Bundle:
    """Everything Outlast puts on one machine."""

    machine: str
    parts: tuple[MemberPart, ...]

    @cached_property
    def digest(self) -> str:
        """Names the content: equal digests, equal machines (secret values aside)."""
        return hashlib.sha256(repr(self.parts).encode()).hexdigest()[:16]

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """The releases that its parts need, each once."""
        return tuple(dict.fromkeys(artifact for held in self.parts for artifact in held.part.artifacts))

    def part(self, member: str) -> Part:
        """The part of one member. Raises `KeyError` when the machine has none of that name."""
        for held in self.parts:
            if held.member == member:
                return held.part
        raise KeyError(member)
