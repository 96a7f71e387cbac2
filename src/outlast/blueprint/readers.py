"""Who reads what secret, from the markers in the files of a blueprint. Pure."""

from __future__ import annotations

from collections import defaultdict

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.secret import Kind, references


def readers(blueprint: Blueprint, kind: Kind = Kind.OWNER) -> dict[str, tuple[str, ...]]:
    """By the name of each secret of that kind, the services whose files hold it."""
    members = blueprint.topology.member_by_name
    found: dict[str, set[str]] = defaultdict(set)
    for bundle in blueprint.bundles:
        for held in bundle.parts:
            for reference in (reference for file in held.part.files for reference in references(file.content)):
                if reference.kind is kind and held.member:
                    found[reference.name].add(members[held.member].service)
    return {name: tuple(sorted(services)) for name, services in sorted(found.items())}
