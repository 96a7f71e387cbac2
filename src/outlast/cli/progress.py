"""Shows what a long command is doing: on a terminal one row a machine with its members, elsewhere lines."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.output import err
from outlast.kernel.events import Emit, Event, Phase, silent

MARK = {
    Phase.STARTED: "[yellow]◐[/]",
    Phase.PROGRESS: "[yellow]◐[/]",
    Phase.WAITING: "[yellow]◐[/]",
    Phase.DONE: "[green]●[/]",
    Phase.FAILED: "[red]✗[/]",
}

MILESTONES = (Phase.WAITING, Phase.DONE, Phase.FAILED)


@contextmanager
def shown(blueprint: Blueprint | None, *, quiet: bool, verbose: bool) -> Generator[Emit]:
    """A listener for events: a live table on a terminal, otherwise lines: milestones, with `verbose` every step."""
    if quiet:
        yield silent
    elif verbose:
        yield _line
    elif not err.is_terminal:
        yield _milestone
    else:
        board = _Board(blueprint)
        with Live(board.table(), console=err, refresh_per_second=8, transient=True) as live:

            def show(event: Event) -> None:
                board.hear(event)
                live.update(board.table())

            yield show


def _line(event: Event) -> None:
    err.print(f"{MARK[event.phase]} [bold]{escape(event.subject)}[/]: {escape(event.text)}")


def _milestone(event: Event) -> None:
    """Nobody looks at steps in a file; that the command lives and what it waits for, somebody does."""
    if event.phase in MILESTONES:
        _line(event)


class _Board:
    """The newest event of each subject, laid out by machine."""

    def __init__(self, blueprint: Blueprint | None) -> None:
        self._machines = blueprint.topology.machines if blueprint else ()
        self._members = blueprint.topology.members_by_machine if blueprint else {}
        self._last: dict[str, Event] = {}

    def hear(self, event: Event) -> None:
        self._last[event.subject] = event

    def table(self) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
        placed = {machine.name for machine in self._machines} | {m.name for ms in self._members.values() for m in ms}
        for subject in [name for name in self._last if name not in placed]:
            table.add_row(self._mark(subject), escape(subject), "", self._text([subject]))
        for machine in self._machines:
            members = [member.name for member in self._members[machine.name]]
            marks = " ".join(f"{self._mark(name)} {escape(_short(name, machine.datacenter))}" for name in members)
            table.add_row(self._mark(machine.name), machine.name, marks, self._text([machine.name, *members]))
        return table

    def _mark(self, subject: str) -> str:
        return MARK[self._last[subject].phase] if subject in self._last else "[dim]○[/]"

    def _text(self, subjects: Sequence[str]) -> Text:
        """What is under way there, otherwise what was done last."""
        heard = [self._last[subject] for subject in subjects if subject in self._last]
        busy = [event for event in heard if event.phase is not Phase.DONE] or heard[-1:]
        return Text(busy[-1].text if busy else "", style="dim", overflow="ellipsis", no_wrap=True)


def _short(member: str, datacenter: str) -> str:
    return member.removeprefix(f"{datacenter}-")
