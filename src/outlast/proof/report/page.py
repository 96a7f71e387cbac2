"""A report as one HTML file that needs nothing else: no script, no font, no picture from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from outlast.proof.experiment import Proof, Report, Trial
from outlast.proof.report import wording
from outlast.proof.report.figures import Figures, Totals, figures, totals, worst_trial
from outlast.proof.report.reasons import Reason, reasons
from outlast.proof.report.strip import Axis, Strip, axis, strip
from outlast.proof.report.timeline import Timeline, small, timeline


@dataclass(frozen=True, slots=True)
class Picture:
    """One trial and how it looks."""

    trial: Trial
    shape: Timeline


@dataclass(frozen=True, slots=True)
class Section:
    """One experiment on the page: `large` is its worst trial, `small` are the others."""

    anchor: str
    proof: Proof
    figures: Figures
    reasons: tuple[Reason, ...]
    strip: Strip
    large: Picture | None
    small: tuple[Picture, ...]


def page(report: Report) -> str:
    """The whole file."""
    on = axis(report)
    sections = tuple(_section(f"e{index}", proof, on) for index, proof in enumerate(report.proofs, 1))
    found = totals(report)
    template = _environment().get_template("report.html.j2")
    return template.render(
        report=report,
        headline=headline(found),
        totals=found,
        sections=sections,
        axis=on,
        marks=wording.MARK,
        words=wording.WORD,
    )


def _section(anchor: str, proof: Proof, on: Axis) -> Section:
    worst = worst_trial(proof)
    others = (trial for trial in proof.trials if trial is not worst)
    return Section(
        anchor=anchor,
        proof=proof,
        figures=figures(proof.trials),
        reasons=reasons(proof),
        strip=strip(proof, on),
        large=None if worst is None or (shape := timeline(worst)) is None else Picture(worst, shape),
        small=tuple(Picture(trial, shape) for trial in others if (shape := small(trial)) is not None),
    )


def headline(found: Totals) -> str:
    """What the page says first, in one sentence that is true."""
    if not found.experiments:
        return "Nothing was broken, so nothing is proved"
    if found.proved == found.experiments:
        one = found.experiments == 1
        return (
            "The failure was survived as promised" if one else f"All {found.proved} failures were survived as promised"
        )
    return f"{found.proved} of {found.experiments} failures were survived as promised"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("outlast.proof.report", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=True,
    )
    for name in ("count", "seconds", "number", "duration", "moment", "trials", "objective", "share"):
        environment.filters[name] = getattr(wording, name)
    return environment
