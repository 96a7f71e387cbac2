"""What a change does, machine by machine, and because of what."""

from __future__ import annotations

import pytest

from outlast.blueprint.diff import Change, Effect, diff
from outlast.contract.bundle import Artifact, Part
from tests import toys
from tests.blueprint.blueprints import compiled, file, holding, service
from tests.toys import Options

FILES = (file("/main"), file("/light"), file("/other"))
BEFORE = Part(files=FILES, services=(service(),))


def effects(before: Part, after: Part) -> list[tuple[str, Effect, str]]:
    """What happens to services between two parts."""
    return [
        (s.service, s.effect, s.because) for change in diff(holding(before), holding(after)) for s in change.services
    ]


def test_no_change_is_empty() -> None:
    assert diff(holding(BEFORE), holding(BEFORE)) == ()
    assert diff(compiled(toys.FULL), compiled(toys.FULL)) == ()


def test_everything_is_new_without_a_parent() -> None:
    (change,) = diff(None, holding(BEFORE))
    assert (change.machine, change.change) == ("m", Change.CREATE)
    assert [(f.path, f.change, f.lines) for f in change.files] == [
        (path, Change.CREATE, ("@@ -0,0 +1 @@", "+text")) for path in ("/light", "/main", "/other")
    ]
    assert [(s.effect, s.because) for s in change.services] == [(Effect.START, "it is new here")]


def test_a_machine_that_goes_is_a_removal() -> None:
    smaller = compiled(toys.site(engines={"edge": Options()}))
    larger = compiled(toys.site(engines={"edge": Options(), "store": Options()}), smaller)
    gone = {change.machine: change for change in diff(larger, smaller)}
    assert {name for name, change in gone.items() if change.change is Change.REMOVE} == {
        "east-data-1",
        "east-data-2",
        "east-data-3",
    }
    assert {s.effect for s in gone["east-data-1"].services} == {Effect.STOP}


@pytest.mark.parametrize(("path", "effect"), [("/main", Effect.RESTART), ("/light", Effect.RELOAD), ("/other", None)])
def test_a_changed_file_asks_for_as_little_as_possible(path: str, effect: Effect | None) -> None:
    files = tuple(file(f.path, "new\n") if f.path == path else f for f in FILES)
    after = Part(files=files, services=(service(),))
    assert effects(BEFORE, after) == ([("s.service", effect, f"{path} changed")] if effect else [])
    (change,) = diff(holding(BEFORE), holding(after))
    assert [(f.path, f.change, f.lines) for f in change.files] == [
        (path, Change.UPDATE, ("@@ -1 +1 @@", "-text", "+new"))
    ]


def test_a_restart_wins_over_a_reload_and_the_unit_over_both() -> None:
    files = (file("/main", "new\n"), file("/light", "new\n"))
    both = Part(files=files, services=(service(),))
    assert effects(BEFORE, both) == [("s.service", Effect.RESTART, "/main changed")]
    assert effects(BEFORE, Part(files=files, services=(service("[Service]\nType=exec\n"),))) == [
        ("s.service", Effect.RESTART, "its unit changed")
    ]


def test_a_service_that_goes_is_stopped() -> None:
    assert effects(BEFORE, Part(files=FILES)) == [("s.service", Effect.STOP, "the site no longer asks for it here")]


def test_a_one_time_job_is_never_started_by_a_change() -> None:
    job = Part(files=FILES, services=(service(enabled=False),))
    assert effects(Part(files=FILES), job) == []
    assert effects(job, Part(files=(file("/main", "new\n"),), services=(service("x", enabled=False),))) == []


def test_rights_are_a_change_of_their_own() -> None:
    after = Part(files=(file("/main", mode=0o600), *FILES[1:]), services=(service(),))
    (change,) = diff(holding(BEFORE), holding(after))
    assert change.files[0].lines == ("root:root 0644 becomes root:root 0600",)


def test_a_release_is_named_when_it_is_new() -> None:
    old = Part(artifacts=(Artifact("shop", "1" * 12, "/srv/1"),))
    new = Part(artifacts=(Artifact("shop", "2" * 12, "/srv/2"),))
    assert [change.artifacts for change in diff(holding(old), holding(new))] == [("shop 222222222222",)]


def test_growth_touches_only_what_depends_on_it() -> None:
    before = compiled(toys.FULL)
    grown = toys.FULL.model_copy(
        update={
            "wishes": tuple(
                w.model_copy(update={"options": Options(count=4)}) if w.name == "api" else w for w in toys.FULL.wishes
            )
        }
    )
    changes = {change.machine: change for change in diff(before, compiled(grown, before))}
    assert changes["east-app-4"].change is Change.CREATE
    assert {s.service: s.effect for s in changes["east-edge-1"].services} == {
        "outlast-edge.service": Effect.RESTART,
        "outlast-firewall.service": Effect.RELOAD,
    }
    assert all(not change.services for name, change in changes.items() if name.startswith("east-data"))


def test_rules_come_and_go_by_the_peers_that_do() -> None:
    smaller = compiled(toys.site(engines={"store": Options(count=3)}))
    larger = compiled(toys.site(engines={"store": Options(count=4)}), smaller)
    grown = {change.machine: change for change in diff(smaller, larger)}
    texts = [(rule.change, rule.rule.text) for rule in grown["east-data-1"].firewall]
    assert texts == [
        (Change.CREATE, "in tcp 3306 from east-data-4: store uses sql of its other members"),
        (Change.CREATE, "out tcp 3306 to east-data-4: store uses sql of its other members"),
    ]
    shrunk = {change.machine: change for change in diff(larger, smaller)}
    assert [rule.change for rule in shrunk["east-data-1"].firewall] == [Change.REMOVE, Change.REMOVE]
    assert {rule.change for rule in grown["east-data-4"].firewall} == {Change.CREATE}
    assert {rule.change for rule in shrunk["east-data-4"].firewall} == {Change.REMOVE}
