"""How every component judges its cluster: silence is not health, and what is well is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from outlast.contract.probe import Health, Output, Report
from outlast.contract.registry import discover
from outlast.contract.steward import Running, Sighting
from outlast.controller.observe import understood
from tests.contract.subject import NAMES

pytestmark = pytest.mark.parametrize("name", NAMES)
RECORDED = Path(__file__).parent / "recorded"


@pytest.mark.parametrize("returncode", [0, 1, 124, 127, -9])
def test_silence_is_never_health(name: str, returncode: int) -> None:
    assert understood(discover()[name], Output(returncode, "", "")).health is not Health.HEALTHY


def test_its_steward_leaves_a_well_cluster_alone(name: str) -> None:
    component = discover()[name]
    if component.steward is None:
        return
    path = RECORDED / f"{name}.txt"
    assert path.is_file(), f"{path.name} is missing: what the probe of a well member printed"
    well = component.parse(Output(0, path.read_text(encoding="utf-8"), ""))
    assert well.health is Health.HEALTHY
    assert component.steward(sightings(Running.ACTIVE, well)).settled


def test_its_steward_waits_for_what_it_cannot_see(name: str) -> None:
    component = discover()[name]
    if component.steward is None:
        return
    decision = component.steward(sightings(Running.UNKNOWN, None))
    assert decision.actions == (), "nothing is known, and yet something would be done"
    assert any("it does not answer" in reason for reason in decision.waiting_on)


def sightings(running: Running, report: Report[Any] | None) -> tuple[Sighting[Any], ...]:
    """Three members, all alike."""
    return tuple(
        Sighting(f"m{index}", index, running, stale=False, report=report, unknown_because="it does not answer")
        for index in (1, 2, 3)
    )
