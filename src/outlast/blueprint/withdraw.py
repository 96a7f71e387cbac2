"""The way back: the blueprint that follows one of which some services could not be put in place. Pure."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import replace

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Bundle


def withdrawn(wanted: Blueprint, in_place: Blueprint, services: Set[str]) -> Blueprint:
    """What follows `wanted`: the members of these services are what they are in `in_place`, all else as wanted."""
    members = {member.name for member in wanted.topology.members if member.service in services}
    before = {(b.machine, held.member): held for b in in_place.bundles for held in b.parts if held.member in members}

    def back(bundle: Bundle) -> Bundle:
        parts = tuple(before.get((bundle.machine, held.member), held) for held in bundle.parts)
        return replace(bundle, parts=parts)

    return replace(
        wanted,
        generation=wanted.generation + 1,
        parent=wanted.generation,
        parent_digest=wanted.digest,
        bundles=tuple(map(back, wanted.bundles)),
    )
