"""What was shipped of each app: which release, when, by whom, and what came of it. Kept beside the site's state.

A release that did not do well, or that somebody went back from, is not put in again by `up`: only by `deploy`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Artifact
from outlast.seal import durable


class Fate(StrEnum):
    """What came of a release."""

    IN_PLACE = "in place"
    WITHDRAWN = "withdrawn"
    """It did not do well, and what ran before serves on."""
    LEFT = "left"
    """Somebody went back from it."""


@dataclass(frozen=True, slots=True)
class Shipment:
    """One entry. `at` is ISO 8601 in UTC, `seconds` how long it took once it was built; `because` says why it was
    withdrawn."""

    app: str
    release: str
    fate: Fate
    at: str
    by: str
    seconds: float = 0.0
    because: str = ""


_ADAPTER = TypeAdapter(tuple[Shipment, ...])


class Shipments:
    """The record of one site, in its folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "shipments.json"

    def all(self) -> tuple[Shipment, ...]:
        """Every entry, oldest first."""
        return _ADAPTER.validate_json(self._path.read_bytes()) if self._path.exists() else ()

    def note(self, *shipments: Shipment) -> None:
        """Add entries."""
        durable.write(self._path, _ADAPTER.dump_json((*self.all(), *shipments), indent=1))


def refused(shipments: Iterable[Shipment], app: str) -> dict[str, Shipment]:
    """The releases of an app that were withdrawn or left, and not put in since."""
    last = {each.release: each for each in shipments if each.app == app}
    return {release: each for release, each in last.items() if each.fate is not Fate.IN_PLACE}


def before(shipments: Sequence[Shipment], app: str, current: str) -> str:
    """The release that was in place before `current`, and is not refused; empty: none is known."""
    bad = refused(shipments, app)
    held = [each.release for each in shipments if each.app == app and each.fate is Fate.IN_PLACE]
    return next((release for release in reversed(held) if release != current and release not in bad), "")


def releases_of(blueprint: Blueprint | None) -> dict[str, Artifact]:
    """The release of every service that has one, by service."""
    if blueprint is None:
        return {}
    members = blueprint.topology.member_by_name
    parts = [(held.member, held.part.artifacts) for bundle in blueprint.bundles for held in bundle.parts]
    return {members[member].service: artifacts[0] for member, artifacts in parts if member and artifacts}
