"""What lines of a machine amount to, line by line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from outlast.contract.gauge import Gauge, Load
from outlast.contract.probe import Health
from outlast.controller.beat import Beat
from outlast.controller.hearing import Hearing, Tenant, hear, reduced
from outlast.policy.observation import Known, Unknown
from tests.toys import EDGE, WEB

UNIT, PROBE = "outlast-web.service", 5.0
WELL = {"returncode": 0, "stdout": "well\n", "stderr": ""}
MUTE = {"returncode": 124, "stdout": "", "stderr": "no answer in time"}


def reads(text: str) -> tuple[Load, ...]:
    return (Load("web", int(text), 0, None, 1),)


TENANTS = {
    "web": Tenant(WEB, UNIT),
    "edge": Tenant(replace(EDGE, gauge=Gauge("/run/edge", "how much\n", reads)), "outlast-edge.service"),
}


def beat(number: int, **more: Any) -> Beat:
    """The line of second 1000 + `number`, on a machine of two processors that are a quarter busy."""
    plain: dict[str, Any] = {
        "beat": number,
        "boot": "one",
        "up": 1000.0 + number,
        "worked": 70.0 + number * 0.5,
        "processors": 2.0,
        "memory": 1000,
        "free": 250,
        "units": {UNIT: True},
        "used": {UNIT: 3.0 + number * 0.8},
        "probes": {},
        "metrics": {},
        "gauges": {},
    }
    return Beat.model_validate({**plain, **more})


def heard(*beats: Beat, hearing: Hearing | None = None) -> Hearing:
    """After these lines, each of which came at the second of its number."""
    hearing = hearing or Hearing()
    for line in beats:
        hearing = hear(hearing, line, float(line.beat), TENANTS)
    return hearing


def said(number: float, output: dict[str, Any] = WELL) -> dict[str, Any]:
    """What the probe of `web` printed that was started at that second."""
    return {"web": {**output, "asked": 1000.0 + number}}


def test_of_whom_nothing_was_heard_nothing_is_known() -> None:
    assert isinstance(Hearing().health("web", 9.0, PROBE), Unknown)
    assert isinstance(Hearing().room, Unknown)
    assert isinstance(Hearing().busy, Unknown)


def test_a_machine_tells_what_share_of_it_works_and_is_free() -> None:
    hearing = heard(beat(0), beat(1))
    assert hearing.busy == Known(0.25, 1.0)
    assert hearing.room == Known(0.25, 1.0)
    assert isinstance(heard(beat(0), beat(1, worked=None, free=None)).busy, Unknown)
    assert isinstance(heard(beat(0), beat(1, worked=None, free=None)).room, Unknown)


def test_a_member_tells_what_share_of_its_machine_it_uses() -> None:
    assert isinstance(Hearing().share("web"), Unknown)
    assert isinstance(heard(beat(0)).share("web"), Unknown)
    assert share(heard(beat(0), beat(1))) == (0.4, 1.0)
    # Of late: what it used before the last seconds says nothing about now.
    idle = [beat(number, used={UNIT: 11.0}) for number in range(11, 15)]
    assert share(heard(*(beat(number) for number in range(11)), *idle)) == (0.08, 14.0)
    assert isinstance(heard(beat(0), beat(1, used={UNIT: None})).share("web"), Unknown)


def test_a_service_that_was_started_anew_is_counted_anew() -> None:
    again = heard(beat(0), beat(1), beat(2, used={UNIT: 0.1}))
    assert isinstance(again.share("web"), Unknown)
    assert share(heard(beat(3, used={UNIT: 0.5}), hearing=again)) == (0.2, 3.0)
    # And so is one whose machine was booted, or not heard for long.
    assert isinstance(heard(beat(0), beat(1, boot="two", up=3.0)).share("web"), Unknown)
    assert isinstance(heard(beat(0), beat(9)).share("web"), Unknown)


def test_a_figure_that_a_member_shows_is_as_old_as_the_question_for_it() -> None:
    shown = {"value": 12.0, "why": "", "asked": 1002.5}
    assert heard(beat(3, metrics={"web": shown})).figures["web"] == Known(12.0, 2.5)
    # It goes along with every line, and grows older.
    assert heard(beat(3, metrics={"web": shown}), beat(9, metrics={"web": shown})).figures["web"] == Known(12.0, 2.5)
    mute = {"value": None, "why": "/metrics: it answers 404", "asked": 1003.5}
    assert heard(beat(4, metrics={"web": mute})).figures["web"] == Unknown("/metrics: it answers 404")
    assert heard(beat(5, metrics={"stranger": shown})).figures == {}


def share(hearing: Hearing) -> tuple[float, float]:
    fact = hearing.share("web")
    assert isinstance(fact, Known)
    return round(fact.value, 6), fact.at


def test_a_word_holds_until_the_next_one_is_due_while_the_machine_is_heard() -> None:
    hearing = heard(beat(0), beat(1, probes=said(0.5)))
    assert hearing.health("web", 1.0, PROBE) == Known(Health.HEALTHY, 1.0)
    assert heard(beat(4), hearing=hearing).health("web", 4.0, PROBE) == Known(Health.HEALTHY, 4.0)
    assert heard(beat(9), hearing=hearing).health("web", 9.0, PROBE) == Known(Health.HEALTHY, 5.5)
    # Silence ages it at once.
    assert hearing.health("web", 4.0, PROBE) == Known(Health.HEALTHY, 1.0)


def test_a_probe_without_an_end_is_unknown_with_its_reason() -> None:
    hearing = heard(beat(1, probes=said(0.5)), beat(8, probes=said(2.0, MUTE)))
    assert hearing.health("web", 8.0, PROBE) == Unknown("said nothing")


def test_a_service_that_lost_its_processes_is_ill_until_a_later_word() -> None:
    hearing = heard(beat(1, probes=said(0.5)), beat(2, units={UNIT: None}), beat(3, units={UNIT: False}))
    assert hearing.health("web", 3.0, PROBE) == Known(Health.UNHEALTHY, 3.0)
    # It is back: what was asked before or while it was down says nothing about now, and neither does silence.
    hearing = heard(beat(4, probes=said(2.5)), hearing=hearing)
    assert hearing.health("web", 4.0, PROBE) == Known(Health.UNHEALTHY, 3.0)
    hearing = heard(beat(5, probes=said(4.5, MUTE)), hearing=hearing)
    assert hearing.health("web", 5.0, PROBE) == Known(Health.UNHEALTHY, 3.0)
    hearing = heard(beat(6, probes=said(5.5)), hearing=hearing)
    assert hearing.health("web", 6.0, PROBE) == Known(Health.HEALTHY, 6.0)
    assert hearing.fell == {}


def test_a_service_that_was_never_seen_to_run_is_left_to_its_probe() -> None:
    hearing = heard(beat(1, units={UNIT: None}, probes=said(0.5)), beat(2, units={UNIT: None}))
    assert hearing.health("web", 2.0, PROBE) == Known(Health.HEALTHY, 2.0)


def test_a_boot_makes_everything_unknown() -> None:
    hearing = heard(beat(0), beat(1, probes=said(0.5)), beat(2, boot="two", up=3.0, worked=1.0, units={UNIT: None}))
    assert isinstance(hearing.health("web", 2.0, PROBE), Unknown)
    assert isinstance(hearing.busy, Unknown)
    assert hearing.heard == 2.0


def test_a_pulse_that_begins_anew_changes_nothing() -> None:
    hearing = heard(beat(1, probes=said(0.5)), beat(2))
    anew = hear(hearing, beat(0, up=1003.0, worked=71.5), 3.0, TENANTS)
    assert anew.busy == Known(0.25, 3.0)
    assert anew.health("web", 3.0, PROBE) == Known(Health.HEALTHY, 3.0)


@pytest.mark.parametrize(("text", "known"), [("7", True), ("seven", False), (None, False)])
def test_a_gauge_is_read_or_unknown(text: str | None, known: bool) -> None:
    loads = heard(beat(1, gauges={"edge": text})).loads["edge"]
    assert loads == Known((Load("web", 7, 0, None, 1),), 1.0) if known else isinstance(loads, Unknown)


def test_members_that_left_are_forgotten() -> None:
    hearing = heard(beat(1, probes=said(0.5)), beat(2, units={UNIT: None}))
    assert reduced(hearing, {"edge": TENANTS["edge"]}).words == {}
    assert reduced(hearing, {"edge": TENANTS["edge"]}).fell == {}
    assert reduced(hearing, TENANTS) == hearing
    stranger = {"stranger": {**WELL, "asked": 1.0}}
    assert heard(beat(1, probes=stranger, gauges={"stranger": "1"})).words == {}
