"""What answers of machines say about drift, without a machine."""

from __future__ import annotations

from typing import Any

from outlast.apply.facts import Landed
from outlast.contract.bundle import Bundle, File, MemberPart, Part, Service
from outlast.controller.drift import Kind, differences, mended, odd_clocks, odd_versions
from tests.blueprint.blueprints import compiled
from tests.toys import FULL, TOYS

BUNDLE = Bundle("m", (MemberPart("a", Part((File("/etc/a", "a\n"),), (Service("a.service", "[Service]\n"),))),))
NOTHING: dict[str, Any] = {
    "changed": (),
    "artifacts": (),
    "pending": {},
    "leftovers": {"services": (), "files": ()},
}


def landed(**answer: object) -> Landed:
    return Landed.model_validate({**NOTHING, **answer})


def told(answer: Landed) -> list[tuple[Kind, str, str, str]]:
    return [(d.kind, d.subject, d.what, d.mend) for d in differences(BUNDLE, answer, str)]


def test_a_machine_as_it_was_told_has_no_drift() -> None:
    assert landed().clean
    assert told(landed()) == []
    assert list(mended(landed())) == []


def test_an_edited_file_is_shown_and_said_to_be_put_back() -> None:
    file = {"was": "edited", "content": "b\n", "mode": 0o644, "owner": "root", "group": "root"}
    answer = landed(changed=("/etc/a",), files={"/etc/a": file})
    (drift,) = differences(BUNDLE, answer, str)
    assert drift.lines[1:] == ("-a", "+b")
    assert drift.mend == "it is put back, and what was there is kept in /var/lib/outlast/by-hand"
    assert list(mended(answer)) == [
        "/etc/a: it had been edited by hand; put back, and what was there is kept in /var/lib/outlast/by-hand"
    ]


def test_a_file_of_an_earlier_generation_was_nobodys_doing() -> None:
    answer = landed(changed=("/etc/a",), files={"/etc/a": {"was": "outdated"}})
    assert told(answer)[0][2] == "it is as an earlier generation asked for"
    assert list(mended(answer)) == []


def test_a_stopped_service_is_told_once() -> None:
    answer = landed(pending={"a.service": "start"}, services={"a.service": ["stopped", "disabled"]})
    assert [what for _, _, what, _ in told(answer)] == ["it had been stopped", "it had been disabled"]
    assert not answer.clean


def test_packages_jobs_and_overrides_keep_a_machine_from_being_clean() -> None:
    for answer in (
        landed(packages={"wrong": {"sql": ["1", ""]}}),
        landed(jobs=["migrate/web/1"]),
        landed(overrides={"/etc/systemd/system/a.service.d/b.conf": {}}),
    ):
        assert not answer.clean
        assert len(told(answer)) == 1


def test_another_version_in_one_machine_of_a_cluster_is_found() -> None:
    blueprint = compiled(FULL)
    stage = next(stage for stage in blueprint.stages if stage.service == "store")
    homes = [blueprint.topology.member_by_name[member].machine for member in stage.members]
    answers = {name: landed(packages={"versions": {"store-server": "1"}}) for name in homes}
    assert list(odd_versions(blueprint, TOYS, answers)) == []
    answers[homes[1]] = landed(packages={"versions": {"store-server": "2"}})
    (drift,) = odd_versions(blueprint, TOYS, answers)
    assert (drift.machine, drift.what) == (homes[1], "2 here, 1 on most machines of store")


def test_a_clock_is_off_only_beyond_what_the_question_took() -> None:
    assert list(odd_clocks({})) == []
    assert list(odd_clocks({"a": (0.0, 0.1), "b": (0.9, 0.1), "c": (1.5, 0.9)})) == []
    (drift,) = odd_clocks({"a": (0.0, 0.1), "b": (0.1, 0.1), "c": (-4.0, 0.1)})
    assert (drift.machine, drift.what) == ("c", "its clock is 4.0 s behind the others'")
