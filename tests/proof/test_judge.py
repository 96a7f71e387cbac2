"""From a history to the verdicts of a trial: what clients saw is what is judged, before and after the healing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from outlast.proof.experiment import Experiment, Objective
from outlast.proof.history import History, Kind, Mark, Operation, Outcome, history
from outlast.proof.judge import Seen, conclude, judge
from outlast.proof.verdict import Judgement

EXPERIMENT = Experiment("database-primary-kill", "process", "the primary killed", Objective(1.0))
FAULT, HEALED, ENDED = 100.0, 104.0, 112.0
SEEN = Seen(0, "east-galera-1", FAULT, HEALED, ENDED, 3.0, frozenset(), "", {"a": "1", "b": "1"}, 60.0)


def shop(*silences: tuple[float, float], lost: str = "") -> History:
    """One customer who orders each tenth of a second, but for these times; everything is found but `lost`."""
    times = [90 + number / 10 for number in range(220)]
    orders = [
        Operation("10.0.0.1/new", Kind.ORDER, f"t{at:.1f}", at - 0.05, at, Outcome.OK)
        for at in times
        if not any(begin < at < end for begin, end in silences)
    ]
    outcomes = [Outcome.FAILED if order.key == lost else Outcome.OK for order in orders]
    fetches = [
        replace(order, kind=Kind.FETCH, began=120.0, ended=120.1, outcome=outcome)
        for order, outcome in zip(orders, outcomes, strict=True)
    ]
    return history([*orders, *fetches], [Mark(FAULT, "kill"), Mark(HEALED, "healed")])


def objections(held: History, seen: Seen = SEEN) -> set[str]:
    return {verdict.checker for verdict in judge(EXPERIMENT, held, seen).verdicts if verdict.judgement != "valid"}


def test_a_short_silence_is_within_the_promise() -> None:
    trial = judge(EXPERIMENT, shop((100.0, 100.7)), SEEN)
    assert trial.outage == pytest.approx(0.7, abs=0.11)
    assert objections(shop((100.0, 100.7))) == set()
    assert conclude(EXPERIMENT, [trial]).judgement is Judgement.VALID


@pytest.mark.parametrize(
    ("silence", "checker"),
    [((100.0, 103.0), "outage"), ((100.5, 108.0), "outage"), ((105.0, 108.0), "return")],
    ids=["until before the healing", "beyond the healing", "after the healing"],
)
def test_a_long_silence_is_not_whenever_it_comes(silence: tuple[float, float], checker: str) -> None:
    assert checker in objections(shop(silence))
    trial = judge(EXPERIMENT, shop(silence), SEEN)
    assert conclude(EXPERIMENT, [trial]).judgement is Judgement.INVALID


def test_a_lost_order_is_counted_and_refused() -> None:
    held = shop(lost="t99.0")
    assert judge(EXPERIMENT, held, SEEN).lost == 1
    assert objections(held) == {"lost"}


def test_members_that_differ_and_a_site_that_stays_torn_are_refused() -> None:
    assert objections(shop(), replace(SEEN, digests={"a": "1", "b": "2"})) == {"agree"}
    assert objections(shop(), replace(SEEN, redundant=None)) == {"redundancy"}


def test_nothing_seen_proves_nothing() -> None:
    trial = judge(EXPERIMENT, history([], [Mark(FAULT, "kill")]), SEEN)
    assert conclude(EXPERIMENT, [trial]).judgement is Judgement.UNKNOWN
    assert conclude(EXPERIMENT, []).judgement is Judgement.UNKNOWN
