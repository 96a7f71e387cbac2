"""`availability`: gaps, errors, slow answers, and what trials come to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outlast.proof.checkers import availability
from outlast.proof.checkers.availability import WRITES, check, check_all, errors, gaps, outage, slow
from outlast.proof.experiment import Objective, Trial
from outlast.proof.history import History, Kind, Operation, Outcome
from outlast.proof.percentile import percentile
from outlast.proof.verdict import Judgement
from tests.proof.made import EMPTY, FAILED, OK, UNKNOWN, did, of


def every(step: float, began: float, ended: float, source: str = "edge-1", outcome: Outcome = OK) -> list[Operation]:
    """Pages, each answered at once, every `step` seconds."""
    times = (began + index * step for index in range(int((ended - began) / step) + 1))
    return [did(Kind.BROWSE, "/", at, at, outcome, source=source) for at in times]


def out(history: History, without: tuple[str, ...] = ()) -> float | None:
    """A fault at 10, looked at until 20."""
    gap = outage(history, 10.0, 10.0, 20.0, without=without)
    return None if gap is None else gap.seconds


STEADY = every(0.5, 0, 20)


def test_who_is_served_all_the_time_has_only_the_step_between_answers() -> None:
    assert out(of(*STEADY)) == pytest.approx(0.5)


def test_the_longest_gap_counts_with_what_failed_in_it() -> None:
    history = of(*every(0.5, 0, 10), *every(0.5, 10.5, 13, outcome=UNKNOWN), *every(0.5, 13.5, 20))
    assert out(history) == pytest.approx(3.5)


def test_the_beginning_and_the_end_count() -> None:
    assert out(of(*every(0.5, 0, 9), *every(0.5, 14, 20))) == pytest.approx(4.0)
    assert out(of(*every(0.5, 0, 13))) == pytest.approx(7.0)
    assert out(of(*every(0.5, 0, 9))) == pytest.approx(10.0)


def test_an_answer_counts_when_it_came() -> None:
    waited = did(Kind.BROWSE, "/", 10, 16, source="edge-1")
    assert out(of(*every(0.5, 0, 10), waited, *every(0.5, 16, 20))) == pytest.approx(6.0)


def test_groups_do_not_stand_in_for_each_other() -> None:
    other = every(0.5, 0, 20, "edge-2")
    assert out(of(*other, *every(0.5, 0, 10), *every(0.5, 12, 20))) == pytest.approx(2.0)
    orders = [replace(page, kind=Kind.ORDER) for page in (*every(0.5, 0, 10), *every(0.5, 13, 20))]
    found = gaps(of(*STEADY, *orders), 10.0, 20.0)
    assert [(gap.kind, gap.seconds) for gap in found] == [(Kind.ORDER, 3.0), (Kind.BROWSE, 0.5)]
    assert (found[0].source, found[0].began, found[0].ended) == ("edge-1", 10.0, 13.0)


def test_machines_that_were_taken_away_do_not_count() -> None:
    history = of(*STEADY, *every(0.5, 0, 10, "app-2"))
    assert out(history) == pytest.approx(10.0)
    assert out(history, without=("app-2",)) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "history",
    [EMPTY, of(*every(0.5, 11, 20)), of(*STEADY, *every(0.5, 10, 20, "edge-2")), of(did(Kind.READ, "", 1, 2))],
    ids=["nothing", "nothing before the fault", "one group began later", "nothing of these kinds"],
)
def test_nobody_knows_the_outage(history: History) -> None:
    assert out(history) is None


def test_only_failures_before_the_fault_are_an_outage_all_the_same() -> None:
    assert out(of(*every(0.5, 0, 20, outcome=FAILED))) == pytest.approx(10.0)


def test_errors_and_slow_answers() -> None:
    order = did(Kind.ORDER, "t", 1, 2.5)
    history = of(*STEADY, *every(1, 3, 5, outcome=FAILED), order, replace(order, outcome=UNKNOWN))
    assert errors(history) == 3
    assert errors(history, WRITES) == 1
    assert errors(history, without=("edge-1",)) == 0
    assert slow(history) == 1
    assert slow(history, 1.5) == 0
    assert slow(history, without=("app-1",)) == 0


def test_one_trial_may_take_twice_the_objective() -> None:
    objective = Objective(outage=1.0)
    assert check(2.0, objective).judgement is Judgement.VALID
    assert check(2.001, objective).judgement is Judgement.INVALID
    assert check(None, objective).judgement is Judgement.UNKNOWN


def trials(*outages: float | None, failed: int = 0, acknowledged: int = 1) -> list[Trial]:
    return [
        Trial(number, "data-1", seconds, 0.1, 1.0, acknowledged, failed, 0, 0, ())
        for number, seconds in enumerate(outages, 1)
    ]


@pytest.mark.parametrize(
    ("outages", "judgement"),
    [
        ([], Judgement.UNKNOWN),
        ([None], Judgement.UNKNOWN),
        ([0.5], Judgement.VALID),
        ([1.0], Judgement.VALID),
        ([1.1], Judgement.INVALID),
        ([0.5] * 19 + [1.9], Judgement.VALID),
        ([0.5] * 19 + [2.1], Judgement.INVALID),
        ([0.5] * 18 + [1.1, 1.1], Judgement.INVALID),
        ([0.5] * 18 + [1.9], Judgement.INVALID),
        ([0.5] * 19 + [None], Judgement.UNKNOWN),
        ([0.5] * 19 + [None, 3.0], Judgement.INVALID),
        ([None, 1.5], Judgement.INVALID),
    ],
)
def test_all_trials_together(outages: list[float | None], judgement: Judgement) -> None:
    (verdict,) = check_all(trials(*outages), Objective(1.0))
    assert verdict.judgement is judgement


@pytest.mark.parametrize(
    ("failed", "allowed", "judgement"),
    [(0, 0, Judgement.VALID), (1, 0, Judgement.INVALID), (3, 3, Judgement.VALID), (4, 3, Judgement.INVALID)],
)
def test_errors_against_the_objective(failed: int, allowed: int, judgement: Judgement) -> None:
    verdict = check_all(trials(0.1, 0.1, failed=failed), Objective(1.0, allowed))[1]
    assert verdict.judgement is judgement
    assert verdict.checker == availability.ERRORS


def test_no_errors_where_nothing_was_answered_prove_nothing() -> None:
    for tried in ([], trials(0.1, acknowledged=0)):
        assert check_all(tried, Objective(1.0, 0))[1].judgement is Judgement.UNKNOWN


def test_percentiles_are_of_the_nearest_rank() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [percentile(hundred, percent) for percent in (50, 95, 100)] == [50.0, 95.0, 100.0]
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([1.0, 2.0], 50) == 1.0
    assert percentile([1.0, 2.0], 95) == 2.0
    assert percentile([], 50) is None
    assert percentile([1.0, None, 2.0], 50) == 2.0
    assert percentile([1.0, None], 95) is None
