"""The page: complete, well-formed, alone in the world, and safe whatever the names are."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from outlast.proof.experiment import Beat, Experiment, Objective, Trial
from outlast.proof.report.figures import Totals
from outlast.proof.report.page import headline, page
from outlast.proof.report.strip import FIRST, HEIGHT, WIDTH, axis, strip
from outlast.proof.report.timeline import small, timeline
from outlast.proof.verdict import Judgement, Verdict
from tests.proof.report.invented import EXPERIMENTS, everything, judged, proof, report, trial

VOID = {"meta", "link", "br", "img", "input", "hr"}
HOSTILE = "<script>alert('x')</script>\"'&<b>"


class Reader(HTMLParser):
    """Every tag must be closed by its own end."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text += data


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page(everything()), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def test_every_experiment_is_there_with_its_reasons(written: str) -> None:
    seen = Reader(written)
    assert seen.open == []
    for name, (_, summary, *_) in EXPERIMENTS.items():
        assert seen.text.count(name) >= 3
        assert summary in seen.text
    assert "1 of 1203 acknowledged writes lost" in seen.text
    assert "app-1/rows append w-17 at 1.250: ok" in seen.text
    assert "east-galera-3 could not be asked" in seen.text
    assert "The outage of 1 trial is not known" in seen.text
    assert "4 of 6 failures were survived as promised" in seen.text
    assert "outlast prove -f shop/site.yaml --trials 12" in seen.text


def test_each_trial_has_a_picture_and_each_known_outage_a_dot(written: str) -> None:
    trials = sum(len(proof.trials) for proof in everything().proofs)
    assert written.count('aria-label="timeline of trial') == trials == 100
    assert written.count("<circle") == trials - 1
    assert written.count('<circle class="dot late"') == 1
    assert {"script", "link", "img", "iframe"} & set(Reader(written).tags) == set()


def test_nothing_is_fetched(written: str) -> None:
    assert not re.search(r"https?:|//[a-z]|@import|url\(", written)
    links = [value for name, value in Reader(written).attributes if name in ("href", "src", "srcset", "data")]
    assert links
    assert all(link.startswith("#") for link in links)
    anchors = {value for name, value in Reader(written).attributes if name == "id"}
    assert {link[1:] for link in links} == anchors


def test_names_and_reasons_are_text_and_nothing_else() -> None:
    marks = ((0.0, HOSTILE),)
    verdict = Verdict(HOSTILE, Judgement.INVALID, HOSTILE, (HOSTILE,))
    trials = [trial(number, target=HOSTILE, marks=marks, verdicts=(verdict,)) for number in (1, 2)]
    trials = [replace(each, lanes=((HOSTILE, each.lanes[0][1]),)) for each in trials]
    hostile = replace(
        report(judged(Experiment(HOSTILE, HOSTILE, HOSTILE, Objective(1.0)), trials)),
        site=HOSTILE,
        version=HOSTILE,
        at=HOSTILE,
        command=HOSTILE,
        surroundings=((HOSTILE, HOSTILE),),
    )
    text = page(hostile)
    seen = Reader(text)
    assert seen.open == []
    assert "script" not in seen.tags
    assert "<script" not in text
    assert "<b>alert" not in text
    assert seen.text.count(HOSTILE) >= 10
    assert not [value for name, value in seen.attributes if name.startswith("on")]


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [trial(1, lanes=())],
        [trial(1, None), trial(2, None)],
        [trial(1, 0.0, marks=())],
        [trial(1, lanes=(("browse", ()), ("order", ())))],
    ],
    ids=["no trial", "no timeline", "no outage known", "no outage", "empty lanes"],
)
def test_what_is_missing_leaves_a_page(trials: list[Trial]) -> None:
    experiment = Experiment("edge-kill", "process", "The edge is killed.", Objective(1.0))
    assert Reader(page(report(judged(experiment, trials)))).open == []


def test_no_experiment_proves_nothing() -> None:
    assert "nothing is proved" in Reader(page(report())).text


@pytest.mark.parametrize(
    ("experiments", "proved", "said"),
    [
        (0, 0, "Nothing was broken, so nothing is proved"),
        (1, 1, "The failure was survived as promised"),
        (3, 3, "All 3 failures were survived as promised"),
        (3, 0, "0 of 3 failures were survived as promised"),
    ],
)
def test_the_headline_is_true(experiments: int, proved: int, said: str) -> None:
    assert headline(Totals(experiments, proved, 9, 9, 0, 0.5)) == said


def test_a_timeline_stays_within_its_picture() -> None:
    for shape in (timeline(trial(1, 2.0)), small(trial(1, 2.0))):
        assert shape is not None
        assert [lane.name for lane in shape.lanes] == ["browse", "order", "append"]
        assert all(0 <= label.x <= shape.width for label in (*shape.ticks, *shape.marks))
        for lane in shape.lanes:
            levels = [float(level) for level in re.findall(r"V(-?[\d.]+)", lane.done + lane.failed)]
            assert levels
            assert all(lane.top <= level <= lane.base for level in levels)
            assert lane.done.endswith("Z")
        assert shape.lanes[2].failures > 0


def test_the_outage_is_shaded_where_it_was() -> None:
    shape = timeline(trial(1, 2.0), width=1200.0)
    assert shape is not None
    # Twelve seconds from -2 on: 100 units each.
    assert shape.silence == (205.0, 200.0)
    assert shape.outage == "2.00 s"
    assert [(mark.x, mark.text) for mark in shape.marks] == [(200.0, "power off"), (600.0, "power on")]


def test_long_quiet_times_are_not_drawn_but_late_failures_are() -> None:
    quiet = [Beat(-5.0 + second, 1.0, 9, 0, 0.01) for second in range(60)]
    late = [*quiet[:45], Beat(40.0, 1.0, 0, 9, 0.0), *quiet[46:]]
    for beats, ticks in ((quiet, "-2 s 0 +2 s +4 s +6 s +8 s +10 s"), (late, "0 +10 s +20 s +30 s +40 s")):
        shape = timeline(trial(1, lanes=(("browse", tuple(beats)), ("order", ()))))
        assert shape is not None
        assert [lane.name for lane in shape.lanes] == ["browse"]
        assert " ".join(tick.text for tick in shape.ticks) == ticks


def test_marks_close_to_each_other_are_put_in_rows() -> None:
    shape = timeline(trial(1, marks=((0.0, "power off"), (0.1, "power off"), (8.0, "power on"))))
    assert shape is not None
    assert [mark.row for mark in shape.marks] == [0, 1, 0]


def test_all_strips_have_one_axis() -> None:
    held = everything()
    on = axis(held)
    assert on.last == 10.0
    assert on.x(FIRST) < on.x(0.1) < on.x(1.0) < on.x(10.0)
    assert on.x(0.0) == on.x(FIRST)
    assert on.x(99.0) == on.x(10.0)
    assert [tick.text for tick in on.ticks if tick.text] == ["0.01 s", "0.1 s", "1 s", "10 s"]
    for each in held.proofs:
        drawn = strip(each, on)
        assert len(drawn.dots) + drawn.unknown == len(each.trials)
        assert all(0 < dot.x < WIDTH and 0 < dot.y < HEIGHT for dot in drawn.dots)
        assert drawn.objective == on.x(each.experiment.objective.outage)


def test_dots_at_one_place_are_beside_each_other() -> None:
    experiment = proof().experiment
    drawn = strip(judged(experiment, [trial(number, 0.4) for number in range(1, 8)]), axis(report(proof())))
    assert len({dot.y for dot in drawn.dots}) == 7


def test_beats_that_are_all_elsewhere_leave_no_picture() -> None:
    far = trial(1, lanes=(("browse", (Beat(-60.0, 1.0, 1, 0, 0.0), Beat(60.0, 1.0, 1, 0, 0.0))),))
    assert timeline(far) is None
    assert small(far) is None
