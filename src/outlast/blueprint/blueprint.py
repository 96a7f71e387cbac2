"""The blueprint: a topology and a bundle for each machine, numbered. It leaves the executor no meaningful choice.

It serialises without loss and holds no secret. It is never changed, only followed by another.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

from pydantic import TypeAdapter, ValidationError

from outlast.blueprint.firewall import Firewall
from outlast.contract.bundle import Bundle
from outlast.contract.changeover import Changeover
from outlast.kernel.errors import Finding, OutlastError
from outlast.topology.leeway import Leeway
from outlast.topology.topology import Topology


@dataclass(frozen=True)
class Stage:
    """The members of one service in one data centre, and the stages that must be done before it.

    `steward`: the component's steward decides the order; otherwise `rolling` says whether running members
    are changed one after another; with a `changeover`, each by its next self.
    """

    name: str
    datacenter: str
    service: str
    component: str
    members: tuple[str, ...]
    after: tuple[str, ...]
    changeover: Changeover | None = None


@dataclass(frozen=True)
class Blueprint:
    """`generation` counts from 1; `parent` is the one it was made from (0: none), `parent_digest` its digest.
    `packages` go into the image; `leeways` are what operators said of sizes."""

    generation: int
    parent: int
    topology: Topology
    bundles: tuple[Bundle, ...]
    packages: tuple[str, ...]
    stages: tuple[Stage, ...]
    firewalls: tuple[Firewall, ...] = ()
    parent_digest: str = ""
    leeways: tuple[Leeway, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Names the whole blueprint, its ancestors included: no two of one generation share it.

        Without what is as usual: a field that another version adds changes no digest that machines know.
        """
        return hashlib.sha256(_ADAPTER.dump_json(self, exclude_defaults=True)).hexdigest()[:16]

    @cached_property
    def bundle_by_machine(self) -> dict[str, Bundle]:
        """Bundles by the names of their machines."""
        return {bundle.machine: bundle for bundle in self.bundles}

    def same_content(self, other: Blueprint) -> bool:
        """Whether both ask for the same machines with the same contents."""
        ancestry = {"parent": other.parent, "parent_digest": other.parent_digest}
        return replace(self, generation=other.generation, **ancestry) == other


_ADAPTER = TypeAdapter(Blueprint)


def dump(blueprint: Blueprint) -> bytes:
    """The blueprint as JSON text."""
    return _ADAPTER.dump_json(blueprint, indent=1)


def parse(text: bytes, where: str) -> Blueprint:
    """The blueprint that `dump` wrote. Raises `OutlastError` when the text is something else."""
    try:
        return _ADAPTER.validate_json(text)
    except ValidationError as error:
        raise OutlastError(
            Finding(
                where=where,
                what="the stored blueprint cannot be read",
                why=f"it is damaged or was written by another version ({error.error_count()} errors)",
                fix="move the file away and run `outlast up` again: it compiles a new one and keeps the machines",
            )
        ) from None
