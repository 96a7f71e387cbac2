"""Two reports beside each other on one screen of a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from outlast.proof.report.compare import Change, Compared, Comparison, Turn
from outlast.proof.report.wording import WORD, seconds

COLOUR = {Turn.BETTER: "green", Turn.WORSE: "bold red", Turn.SAME: "", Turn.NOISE: "dim", Turn.UNKNOWN: "yellow"}
COUNTS = {"lost", "errors in a trial"}


def screen(comparison: Comparison) -> RenderableType:
    """One row for each figure of each experiment that both have, then what only one has and what else differs."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for name in ("EXPERIMENT", "FIGURE"):
        table.add_column(name, no_wrap=True)
    for name in ("BEFORE", "AFTER", "RATIO"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for one in comparison.compared:
        for row in _rows(one):
            table.add_row(*row)
    return Group(table, *_notes(comparison))


def _rows(one: Compared) -> Iterator[tuple[Text, ...]]:
    then, now = (WORD[judgement] for judgement in one.judgements)
    turned = Text(one.turn, COLOUR[one.turn])
    yield Text(one.experiment, "bold"), Text("judgement"), Text(then), Text(now), Text(), turned
    yield Text(), Text("trials"), *(Text(str(number)) for number in one.trials), Text(), Text()
    for change in one.changes:
        figures = (Text(_figure(change, value)) for value in (change.before, change.after))
        ratio = Text("" if change.ratio is None else f"× {change.ratio:.2f}")
        yield Text(), Text(change.what), *figures, ratio, Text(change.turn, COLOUR[change.turn])


def _figure(change: Change, value: float | None) -> str:
    if value is None or change.what not in COUNTS:
        return seconds(value)
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def _notes(comparison: Comparison) -> Iterator[Text]:
    if comparison.only_before:
        yield Text(f"\nonly before: {', '.join(comparison.only_before)}")
    if comparison.only_after:
        yield Text(f"\nonly after: {', '.join(comparison.only_after)}")
    for name, before, after in comparison.surroundings:
        yield Text(f"{name}: {before or 'nothing'} before, {after or 'nothing'} after", "yellow")
