"""Two reports: better, worse, or noise."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from outlast.proof.experiment import Proof, Trial
from outlast.proof.report.compare import Change, Comparison, Turn, compare
from outlast.proof.report.compared import screen
from tests.proof.report.invented import judged, proof, report, trial

EXPERIMENT = proof().experiment


def of(*outages: float | None, **fields: object) -> Proof:
    """An experiment with these outages."""
    return judged(EXPERIMENT, [trial(number, outage, **fields) for number, outage in enumerate(outages, 1)])


def against(before: Proof, after: Proof) -> dict[str, Change]:
    (one,) = compare(report(before), report(after)).compared
    return {change.what: change for change in one.changes}


FIVE = (0.4, 0.41, 0.42, 0.43, 0.44)


@pytest.mark.parametrize(
    ("after", "turn"),
    [
        (FIVE, Turn.SAME),
        ((0.2, 0.21, 0.22, 0.23, 0.24), Turn.BETTER),
        ((0.8, 0.81, 0.82, 0.83, 0.84), Turn.WORSE),
        ((0.44, 0.81, 0.82, 0.83, 0.84), Turn.NOISE),
        ((0.1, 0.81, 0.82, 0.83, 0.84), Turn.NOISE),
        ((0.8, 0.81, 0.82, 0.83), Turn.NOISE),
        ((0.2,), Turn.NOISE),
        ((), Turn.UNKNOWN),
    ],
)
def test_a_difference_counts_when_ranges_are_apart_and_trials_enough(after: tuple[float, ...], turn: Turn) -> None:
    assert against(of(*FIVE), of(*after))["outage p50"].turn is turn


def test_ratios() -> None:
    found = against(of(*FIVE), of(*(2 * outage for outage in FIVE)))
    assert found["outage p50"].ratio == pytest.approx(2.0)
    assert found["outage longest"].ratio == pytest.approx(2.0)
    assert found["lost"].ratio is None


def test_what_is_not_known_is_neither_better_nor_worse() -> None:
    found = against(of(*FIVE), of(*FIVE, None, None, lost=None))
    assert found["outage p95"].turn is Turn.UNKNOWN
    assert found["lost"].turn is Turn.UNKNOWN
    assert found["outage p50"].turn is Turn.NOISE


def test_a_lost_write_is_never_noise() -> None:
    assert against(of(0.4), of(0.4, lost=1))["lost"].turn is Turn.WORSE
    assert against(of(0.4, lost=2), of(0.4, lost=1))["lost"].turn is Turn.BETTER
    assert compare(report(of(0.4)), report(of(0.4, lost=1))).worse


def test_errors_are_compared_by_trial() -> None:
    assert against(of(*FIVE, errors=2), of(*FIVE, *FIVE, errors=2))["errors in a trial"].turn is Turn.SAME
    assert against(of(*FIVE, errors=0), of(*FIVE, errors=2))["errors in a trial"].turn is Turn.WORSE


def test_redundancy_is_compared() -> None:
    assert against(of(*FIVE, redundant=9.0), of(*FIVE, redundant=4.0))["redundant p50"].turn is Turn.BETTER


def test_judgements_are_compared() -> None:
    good, bad, open_ = of(*FIVE), of(3.0), of(None)
    for before, after, turn in (
        (good, bad, Turn.WORSE),
        (good, open_, Turn.WORSE),
        (open_, bad, Turn.WORSE),
        (bad, open_, Turn.BETTER),
        (bad, good, Turn.BETTER),
        (good, good, Turn.SAME),
    ):
        found = compare(report(before), report(after))
        assert found.compared[0].turn is turn
        assert found.worse is (turn is Turn.WORSE)


def test_what_only_one_has_is_named() -> None:
    found = both()
    assert (found.only_before, found.only_after) == (("web-restart",), ("edge-home-power-off",))
    assert found.surroundings == (("Galera", "26.4", "26.5"), ("Disk", "", "new"))


def test_the_screen_says_all_of_it() -> None:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(screen(both()))
    text = capture.get()
    for said in ("database-writer-power-off", "only before: web-restart", "only after: edge-home-power-off", "× 1.50"):
        assert said in text
    assert "Galera: 26.4 before, 26.5 after" in text
    assert "Disk: nothing before, new after" in text
    assert "within noise" in text


def both() -> Comparison:
    slower: list[Trial] = [trial(number, (each.outage or 0) * 1.5) for number, each in enumerate(proof().trials, 1)]
    after = report(judged(EXPERIMENT, slower), proof("edge-home-power-off"))
    around = (("MariaDB", "11.8.3"), ("Galera", "26.5"), ("Processors", "2"), ("Disk", "new"))
    return compare(report(proof(), proof("web-restart")), replace(after, surroundings=around))
