"""Carries out a blueprint for a person: its progress is shown, and whoever interrupts it is told what stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.markup import escape

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.output import err
from outlast.cli.progress import shown
from outlast.controller.carry import Carrier, Interrupted
from outlast.controller.outcome import Outcome, Terms
from outlast.controller.workspace import Workspace
from outlast.machines.provider import BuildOrder


async def carried_out(
    workspace: Workspace,
    blueprint: Blueprint,
    terms: Terms,
    builds: Mapping[str, BuildOrder] | None = None,
    *,
    quiet: bool,
    verbose: bool,
) -> Outcome:
    """Make the site so. `builds` says for each artifact's name how its release is built; left out: each is here."""
    orders = workspace.held_builds(blueprint) if builds is None else builds
    with shown(blueprint, quiet=quiet, verbose=verbose) as emit:
        try:
            return await Carrier(workspace, orders, terms, emit).carry_out(blueprint)
        except Interrupted as end:
            _say_what_stays(end.done)
            raise


def _say_what_stays(done: Sequence[str]) -> None:
    """An interrupted command leaves what it has done, and lets go of the site."""
    for line in done:
        err.print(f"  {escape(line)}")
    what = "what is listed above stays" if done else "nothing was finished"
    err.print(f"{what}; nothing is undone, services run on as they are, and other operators may go on")
