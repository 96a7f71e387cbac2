"""A plan that was saved, so that `up` does what was looked at and nothing else: the names of what it started from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from outlast.blueprint.blueprint import Blueprint
from outlast.controller.drift import Drift, Kind
from outlast.controller.owner import SecretChange
from outlast.kernel.errors import Finding, Invalid

FORMAT = 1


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """Digests: of the blueprint that was applied (empty: none), of the one that is planned, and of the drift with the
    names of the secrets that change."""

    format: int
    site: str
    generation: int
    applied: str
    planned: str
    drift: str


def plan_of(
    before: Blueprint | None, after: Blueprint, drifts: Sequence[Drift], secrets: Sequence[SecretChange] = ()
) -> SavedPlan:
    """What must be the same when the plan is carried out."""
    # How far a clock is off is never the same twice.
    steady = [drift for drift in drifts if drift.kind is not Kind.CLOCK]
    drifted = hashlib.sha256(repr([*steady, *secrets]).encode()).hexdigest()[:16]
    applied = before.digest if before else ""
    return SavedPlan(FORMAT, after.topology.site, after.generation, applied, after.digest, drifted)


def save(plan: SavedPlan, path: Path) -> None:
    """Write a plan, for `read_plan`."""
    path.write_text(json.dumps(asdict(plan), indent=2) + "\n", encoding="utf-8")


def read_plan(path: Path) -> SavedPlan:
    """The plan in a file. Raises `Invalid` when there is none."""
    try:
        plan = SavedPlan(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else "it is not what `plan --out` wrote"
        raise Invalid(Finding(str(path), "the plan cannot be read", why, _AGAIN)) from None
    if plan.format != FORMAT:
        raise Invalid(Finding(str(path), "the plan cannot be read", "another version of Outlast wrote it", _AGAIN))
    return plan


def stale(saved: SavedPlan, now: SavedPlan, where: str) -> tuple[Finding, ...]:
    """Why a saved plan is no longer what would happen; empty when it still is."""
    reasons: list[str] = []
    if saved.site != now.site:
        reasons.append(f"it was made for the site {saved.site}, and this is {now.site}")
    elif saved.applied != now.applied:
        reasons.append(f"somebody has changed the site since: generation {now.generation} would come next now")
    elif saved.planned != now.planned:
        reasons.append("the site file or a source folder has changed since")
    if saved.site == now.site and saved.drift != now.drift:
        reasons.append("the machines have drifted since or were mended, or a secret has changed")
    return tuple(Finding(where, "the plan is out of date", reason, _AGAIN) for reason in reasons)


_AGAIN = "run `outlast plan --out` again, look at it, and use that"
