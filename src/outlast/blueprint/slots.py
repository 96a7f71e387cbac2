"""What changed of members that take over in their other slot: seen as if they had been there before. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from outlast.contract.bundle import Bundle, MemberPart, Part


def takeovers(old: Bundle | None, new: Bundle | None) -> dict[str, str]:
    """By the service that takes over why it does."""
    return {part.main.name: _because(before, part) for before, part in _pairs(old, new)}


def moved(old: Bundle, new: Bundle | None) -> Bundle:
    """The old bundle with the names that its members have in the slots of the new one."""
    parts = {id(before): _renamed(before, part) for before, part in _pairs(old, new)}
    return replace(old, parts=tuple(MemberPart(held.member, parts.get(id(held.part), held.part)) for held in old.parts))


def _pairs(old: Bundle | None, new: Bundle | None) -> Iterator[tuple[Part, Part]]:
    """Each part in its slot before, and in the other one now."""
    before = {held.member: held.part for held in old.parts} if old else {}
    for held in new.parts if new else ():
        was = before.get(held.member)
        if (
            was
            and was.slot
            and held.part.slot
            and was.slot is not held.part.slot
            and was.services
            and held.part.services
        ):
            yield was, held.part


def _renamed(before: Part, part: Part) -> Part:
    files = [replace(file, path=other.path) for file, other in zip(before.files, part.files, strict=False)]
    services = [
        replace(service, name=other.name) for service, other in zip(before.services, part.services, strict=False)
    ]
    return replace(
        before,
        files=(*files, *before.files[len(files) :]),
        services=(*services, *before.services[len(services) :]),
    )


def _because(before: Part, part: Part) -> str:
    if before.artifacts != part.artifacts:
        return f"release {', '.join(artifact.digest for artifact in part.artifacts)} takes over"
    return "its settings changed: it takes over with the new ones"
