"""`outlast simulate`: years of this site's life with the real policy, in seconds."""

from __future__ import annotations

from collections import Counter
from statistics import median
from typing import Annotated

import typer

from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import out, print_json
from outlast.controller.outline import outline
from outlast.controller.workspace import open_workspace
from outlast.proof.rehearsal.rehearse import HOUR, Rehearsal, rehearse

NEGATIVE = 3


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(simulate)


def simulate(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    json: AsJson = False,
    hours: Annotated[float, typer.Option("--hours", help="Simulated hours of each life.", min=1)] = 1000.0,
    lives: Annotated[int, typer.Option("--lives", help="How many, each with a seed of its own.", min=1)] = 10,
    seed: Annotated[int, typer.Option("--seed", help="The seed of the first; equal seeds are equal lives.")] = 1,
) -> int:
    """Let this site live with machine deaths, partitions, slow boots and lying sensors, healed by the real policy.

    Nothing real is touched. Exit code 3 when a rule was broken: something was taken away that the site could not do
    without, a machine was replaced that was well, or the site was not whole again.
    """
    workspace = open_workspace(file, environment)
    blueprint, _ = workspace.compiler.compile(workspace.assumed_grounds())
    shape = outline(blueprint, workspace.registry)
    results = [rehearse(shape, each, hours) for each in range(seed, seed + lives)]
    if json:
        print_json({"rehearsals": results})
    else:
        _print(results)
    return NEGATIVE if any(result.broken for result in results) else 0


def _print(results: list[Rehearsal]) -> None:
    troubles, remedies, whole = Counter[str](), Counter[str](), list[float]()
    for result in results:
        troubles += result.troubles
        remedies += Counter({str(verb): count for verb, count in result.remedies.items()})
        whole += result.whole_after
        for line in result.broken:
            out.print(f"[red]✗[/] {line}", markup=True, highlight=False)
    hours = sum(result.hours for result in results)
    out.print(f"{hours:,.0f} hours in {len(results)} lives (seeds {results[0].seed} to {results[-1].seed}):")
    out.print(f"  {troubles.total():,} troubles: " + ", ".join(f"{n} {what}" for what, n in troubles.most_common()))
    out.print(f"  {remedies.total():,} remedies: " + ", ".join(f"{n} {what}" for what, n in remedies.most_common()))
    if whole:
        out.print(f"  whole again after {median(whole):.0f} s (median), at most {max(whole) / HOUR:.2f} h")
    broken = sum(len(result.broken) for result in results)
    mark = "[green]●[/] no rule was broken" if not broken else f"[red]●[/] {broken} rules were broken"
    out.print(f"{mark}; `outlast simulate --lives 1 --seed N` lives one of them again")
