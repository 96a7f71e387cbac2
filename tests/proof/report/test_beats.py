"""Timelines follow from histories."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from outlast.proof.experiment import Beat
from outlast.proof.history import Kind, Outcome
from outlast.proof.report.beats import beats
from tests.proof.made import EMPTY, FAILED, OK, UNKNOWN, append, did, look, of, update


def test_operations_count_where_they_ended() -> None:
    history = of(
        append("a", 9.0, 9.3),
        append("b", 9.1, 10.1),
        append("c", 9.4, 10.2, UNKNOWN),
        append("d", 9.4, 10.3, FAILED),
        append("e", 10.0, 10.4),
        look(1, 9.5),
        update(1, 3.0),
    )
    assert beats(history, fault_at=10.0, since=9.0, until=10.5, width=0.5) == (
        ("append", (Beat(-1.0, 0.5, 1, 0, 0.3), Beat(-0.5, 0.5, 0, 0, 0.0), Beat(0.0, 0.5, 2, 2, 1.0))),
    )


def test_each_kind_has_its_lane_and_nothing_has_none() -> None:
    history = of(did(Kind.ORDER, "t", 1), did(Kind.BROWSE, "/", 2))
    assert [name for name, _ in beats(history, 0.0, 0.0, 3.0)] == ["browse", "order"]
    assert [name for name, _ in beats(history, 0.0, 0.0, 3.0, kinds=(Kind.ORDER,))] == ["order"]
    assert beats(EMPTY, 0.0, 0.0, 3.0) == ()
    assert beats(history, 0.0, 3.0, 0.0) == ()


@given(some.lists(some.tuples(some.floats(0, 10), some.sampled_from([OK, FAILED, UNKNOWN]))), some.floats(0.05, 3))
def test_nothing_is_forgotten_or_counted_twice(each: list[tuple[float, Outcome]], width: float) -> None:
    history = of(*(append(f"{index}", at, outcome=outcome) for index, (at, outcome) in enumerate(each)))
    lanes = beats(history, 5.0, 0.0, 10.5, width)
    assert sum(beat.done for _, lane in lanes for beat in lane) == sum(outcome is OK for _, outcome in each)
    assert sum(beat.done + beat.failed for _, lane in lanes for beat in lane) == len(each)
    for _, lane in lanes:
        assert [beat.at for beat in lane] == pytest.approx([-5.0 + step * width for step in range(len(lane))], abs=1e-5)
