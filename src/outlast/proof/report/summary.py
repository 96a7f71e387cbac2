"""A report on one screen of a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from outlast.proof.experiment import Objective, Proof, Report
from outlast.proof.report.figures import figures, totals
from outlast.proof.report.reasons import objections
from outlast.proof.report.wording import MARK, WORD, duration, number, seconds, share, trials
from outlast.proof.verdict import Judgement

COLOUR = {Judgement.VALID: "green", Judgement.INVALID: "red", Judgement.UNKNOWN: "yellow"}
NUMBERS = ("TRIALS", "OUTAGE p50", "p95", "LONGEST", "WANTED", "HEALED", "ERRORS", "LOST", "REDUNDANT p50", "LONGEST")
SHOWN = 3
# Above, somebody mostly waits for a processor.
BUSY = 0.9


def summary(report: Report) -> RenderableType:
    """The headline, one row for each experiment, and below them the reasons of everything that is not proved."""
    return Group(_headline(report), "", _table(report), *_remark(report), *_objections(report))


def _headline(report: Report) -> RenderableType:
    all_ = totals(report)
    lost = f"[{'green' if all_.lost == 0 else 'red'}]{number(all_.lost)} lost[/]"
    return (
        f"[bold]{escape(report.site)}[/]  {all_.proved} of {all_.experiments} proved  {all_.trials} trials in "
        f"{duration(report.seconds)}  {number(all_.acknowledged)} acknowledged writes  {lost}"
    )


def _table(report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    table.add_column("")
    table.add_column("EXPERIMENT", no_wrap=True)
    for name in NUMBERS:
        table.add_column(name, justify="right", no_wrap=True)
    for proof in report.proofs:
        table.add_row(*_row(proof))
    return table


def _row(proof: Proof) -> Iterator[Text]:
    found, wanted = figures(proof.trials), proof.experiment.objective
    yield Text(MARK[proof.judgement], COLOUR[proof.judgement])
    yield Text(proof.experiment.name)
    yield Text(str(found.trials))
    yield Text(seconds(found.p50))
    yield Text(seconds(found.p95), _style(found.p95, wanted.outage))
    yield Text(seconds(found.longest), _style(found.longest, 2 * wanted.outage))
    yield Text(f"{wanted.outage:g} s", "dim")
    yield Text(seconds(found.after))
    yield Text(number(found.errors), _errors(proof, wanted))
    yield Text(number(found.lost), "" if found.lost == 0 else "bold red")
    yield Text(seconds(found.redundant))
    yield Text(seconds(found.redundant_longest))


def _remark(report: Report) -> Iterator[RenderableType]:
    busy = totals(report).busy
    if busy is not None and busy > BUSY:
        yield ""
        yield (
            f"[yellow]This computer's processors were busy {share(busy)} of the time[/] (the median of all trials): "
            "where the site is on it too, some of these seconds are its own."
        )


def _objections(report: Report) -> Iterator[RenderableType]:
    for proof in report.proofs:
        if proof.judgement is Judgement.VALID:
            continue
        yield ""
        colour = COLOUR[proof.judgement]
        name = f"[{colour}]{MARK[proof.judgement]} {WORD[proof.judgement]}[/] [bold]{escape(proof.experiment.name)}[/]"
        yield f"{name}: {escape(proof.experiment.summary)}"
        for reason in objections(proof):
            which = f" [dim]({trials(reason.trials)})[/]" if reason.trials else ""
            verdict = reason.verdict
            yield f"  {MARK[verdict.judgement]} {escape(verdict.checker)}: {escape(verdict.because)}{which}"
            for line in verdict.evidence[:SHOWN]:
                yield f"      [dim]{escape(line)}[/]"


def _style(value: float | None, limit: float) -> str:
    return "yellow" if value is None else "bold red" if value > limit else ""


def _errors(proof: Proof, wanted: Objective) -> str:
    return "bold red" if wanted.errors is not None and any(t.errors > wanted.errors for t in proof.trials) else ""
