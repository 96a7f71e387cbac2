"""A saved plan is carried out as it was looked at, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from outlast.cli.saved import plan_of, read_plan, save, stale
from outlast.controller.drift import Drift, Kind
from outlast.kernel.errors import Invalid
from tests.blueprint.blueprints import compiled
from tests.toys import Options, site

FIRST = compiled(site(apps={"web": Options()}))
SECOND = compiled(site(apps={"web": Options(count=3)}), FIRST)
OTHER = compiled(site(apps={"web": Options(text="other")}), FIRST)
EDITED = Drift("m", Kind.FILE, "/a", "it had been edited by hand", "it is put back")
CLOCK = Drift("m", Kind.CLOCK, "m", "its clock is 4.0 s behind the others'", "nothing")


def test_a_plan_survives_its_file(tmp_path: Path) -> None:
    plan = plan_of(FIRST, SECOND, [EDITED])
    save(plan, tmp_path / "plan")
    assert read_plan(tmp_path / "plan") == plan
    assert stale(plan, plan_of(FIRST, SECOND, [EDITED, CLOCK]), "plan") == ()


def test_a_plan_is_refused_for_every_reason_there_is() -> None:
    plan = plan_of(FIRST, SECOND, [])
    reasons = {
        plan_of(SECOND, SECOND, []): "somebody has changed the site since",
        plan_of(FIRST, OTHER, []): "the site file or a source folder has changed since",
        plan_of(FIRST, SECOND, [EDITED]): "the machines have drifted since",
    }
    for now, why in reasons.items():
        (finding,) = stale(plan, now, "plan")
        assert why in finding.why
    assert stale(plan_of(None, FIRST, []), plan_of(None, FIRST, []), "plan") == ()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}'])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan").write_text(text)
    with pytest.raises(Invalid):
        read_plan(tmp_path / "plan")
    with pytest.raises(Invalid):
        read_plan(tmp_path / "nothing")


def test_equal_numbers_are_not_equal_blueprints() -> None:
    assert SECOND.generation == OTHER.generation
    assert SECOND.digest != OTHER.digest
    assert SECOND.parent_digest == OTHER.parent_digest == FIRST.digest
