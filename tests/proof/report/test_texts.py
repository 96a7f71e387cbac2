"""The screen, the document and the Markdown table."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from rich.console import Console, RenderableType

from outlast.kernel.errors import Invalid
from outlast.proof.experiment import Experiment, Objective, Report
from outlast.proof.report.document import dump, parse
from outlast.proof.report.figures import figures, totals, worst_trial
from outlast.proof.report.markdown import markdown
from outlast.proof.report.reasons import objections, reasons
from outlast.proof.report.summary import summary
from outlast.proof.report.wording import duration, seconds, trials
from outlast.proof.verdict import Judgement, Verdict
from tests.proof.report.invented import EXPERIMENTS, everything, judged, proof, report, trial


def shown(renderable: RenderableType) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_a_computer_that_had_nothing_to_spare_is_said() -> None:
    def on(*shares: float | None) -> str:
        held = [trial(number, busy=share) for number, share in enumerate(shares)]
        return shown(summary(report(judged(proof().experiment, held))))

    assert "busy 97 % of the time" in on(0.4, 0.99, 0.97)
    assert "processors were busy" not in on(0.4, 0.99, 0.5)
    # Reports of before do not know.
    assert "processors were busy" not in on(None, None)
    assert figures([trial(0), trial(1, busy=0.5)]).busy == 0.5


@pytest.mark.parametrize(
    "held", [everything(), report(), report(judged(proof().experiment, []))], ids=["all", "empty", "no trial"]
)
def test_a_document_comes_back_as_it_was(held: Report) -> None:
    assert parse(dump(held), "report.json") == held


def test_a_document_is_json() -> None:
    document = json.loads(dump(report(proof(trials=1))))
    assert document["report"]["proofs"][0]["experiment"]["name"] == "database-writer-power-off"


@pytest.mark.parametrize(
    "text",
    [b"", b"{}", b"[]", b"\xff", dump(report(proof()))[:-9], dump(report()).replace(b"report 1", b"report 9")],
    ids=["nothing", "no report", "a list", "no text", "cut off", "another version"],
)
def test_a_damaged_document_is_refused(text: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        parse(text, "report.json")
    (finding,) = caught.value.findings
    assert finding.where == "report.json"
    assert finding.why
    assert caught.value.exit_code == 2


def test_the_screen_has_a_row_for_each_and_reasons_below() -> None:
    text = shown(summary(everything()))
    for name in EXPERIMENTS:
        assert name in text
    assert "4 of 6 proved  100 trials in 40 min  121,210 acknowledged writes  1 lost" in text
    assert "✗ lost: 1 of 1203 acknowledged writes lost (trial 12)" in text
    assert "? agree: east-galera-3 could not be asked (trial 12)" in text
    assert "none lost" not in text, "valid verdicts need no reason here"
    assert shown(summary(report()))


def test_the_screen_shows_brackets_as_they_are() -> None:
    verdict = Verdict("[red]x", Judgement.INVALID, "[bold]why[/]", ("[/] line",))
    experiment = Experiment("[b]name", "machine", "[i]summary", Objective(1.0))
    text = shown(summary(replace(report(judged(experiment, [trial(1, verdicts=(verdict,))])), site="[u]site")))
    for said in ("[red]x", "[bold]why[/]", "[/] line", "[b]name", "[i]summary", "[u]site"):
        assert said in text


def test_markdown_has_a_row_for_each() -> None:
    lines = markdown(everything()).splitlines()
    assert len(lines) == 2 + len(EXPERIMENTS)
    assert {line.count("|") for line in lines} == {11}
    assert "| The database's writer loses power. | 40 | ≤ 1 s, 0 errors |" in lines[2]
    assert lines[5].endswith("| ✗ not proved |")


def test_markdown_is_not_broken_by_names() -> None:
    experiment = Experiment("x", "machine", "a | b <img> `c` [d]\ne", Objective(1.0))
    line = markdown(report(judged(experiment, [trial(1)]))).splitlines()[2]
    assert line.startswith(r"| a \| b &lt;img> \`c\` \[d\] e | 1 |")


def test_figures_never_hide_what_is_not_known() -> None:
    found = figures([trial(1, 0.2), trial(2, 0.4), trial(3, None, redundant=None, after=None, lost=None)])
    assert (found.p50, found.p95, found.longest) == (0.4, None, None)
    assert (found.after, found.redundant_longest, found.lost) == (None, None, None)
    assert figures([trial(1, lost=2), trial(2, lost=None)]).lost == 2
    assert figures([]).lost is None
    assert totals(report()).lost is None


def test_the_worst_trial_lost_most_then_is_not_known_then_was_longest() -> None:
    experiment = proof().experiment
    for worst_, others in (
        (trial(9, 0.1, lost=1), [trial(1, None), trial(2, 9.0)]),
        (trial(9, None), [trial(1, 9.0)]),
        (trial(9, 9.0), [trial(1, 1.0), trial(2, 8.0)]),
    ):
        found = worst_trial(judged(experiment, [*others, worst_]))
        assert found is not None
        assert found.number == 9
    assert worst_trial(judged(experiment, [])) is None


def test_reasons_are_said_once_and_name_their_trials() -> None:
    unsure = Verdict("agree", Judgement.UNKNOWN, "nobody could be asked")
    held = judged(proof().experiment, [trial(1), trial(2, verdicts=(unsure,)), trial(3, verdicts=(unsure,))])
    assert [(each.verdict.checker, each.trials) for each in reasons(held)] == [
        ("outage", ()),
        ("errors", ()),
        ("lost", (1,)),
        ("twice", (1,)),
        ("writers", (1,)),
        ("agree", (2, 3)),
    ]
    assert [each.verdict for each in objections(held)] == [unsure]


def test_figures_are_worded_for_people() -> None:
    assert [seconds(value) for value in (0.4217, 12.34, 240.2, None)] == ["0.42 s", "12.3 s", "240 s", "?"]
    assert [duration(value) for value in (45.0, 720.0, 12000.0)] == ["45 s", "12 min", "3 h 20 min"]
    assert [trials(numbers) for numbers in ((), (3,), (1, 2), tuple(range(1, 8)))] == [
        "",
        "trial 3",
        "trials 1 and 2",
        "trials 1, 2, 3, 4, 5 and 2 more",
    ]
