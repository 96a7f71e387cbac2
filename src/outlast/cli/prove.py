"""`outlast prove`: break the running site on purpose, and show what its customers saw of it."""

from __future__ import annotations

import asyncio
import fnmatch
import os
import platform
import shlex
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from outlast.blueprint.blueprint import Blueprint
from outlast.cli.options import SITE_FILE, AsJson, Environment, LockWait, Quiet, SiteFile, Verbose
from outlast.cli.output import err, out, print_json
from outlast.cli.progress import shown
from outlast.cli.target import applied
from outlast.controller.lease import held, operator
from outlast.controller.workspace import Workspace, open_workspace
from outlast.kernel.errors import Finding, Invalid, Unreachable
from outlast.kernel.events import silent
from outlast.machines.machine import Machine
from outlast.proof.computer import go_first
from outlast.proof.derive import derive, telling
from outlast.proof.experiment import ACTS, Experiment, Report
from outlast.proof.faults.chaos import Chaos
from outlast.proof.faults.offer import offers
from outlast.proof.look import Watch
from outlast.proof.report.compare import compare
from outlast.proof.report.compared import screen
from outlast.proof.report.document import dump, parse
from outlast.proof.report.markdown import markdown
from outlast.proof.report.page import page
from outlast.proof.report.summary import summary
from outlast.proof.strike import Striker
from outlast.proof.verdict import Judgement
from outlast.status import urls

NOT_PROVED = 3
TRIALS, MOST_TRIALS = 3, 200
ENGINES = ("mariadb-server", "galera-4", "haproxy", "keepalived", "etcd-server")


def register(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(prove)


def prove(
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    trials: Annotated[int, typer.Option("--trials", min=1, max=MOST_TRIALS, help="How often each.")] = TRIALS,
    only: Annotated[
        list[str] | None, typer.Option("--only", help="These experiments; * stands for anything.", metavar="NAME")
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The most telling ones, once each: a few minutes.")] = False,
    show: Annotated[bool, typer.Option("--list", help="Say what would be tried, and try nothing.")] = False,
    to: Annotated[
        Path | None, typer.Option("--to", help="Folder for the report.", metavar="FOLDER", file_okay=False)
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--compare", help="An older report: what got better or worse.", metavar="JSON")
    ] = None,
    json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    lock_wait: LockWait = 0.0,
) -> int:
    """Break the site on purpose, watch its customers, and judge by `survive:`. Exit code 3: something is not proved.

    Everything that is broken is healed, also when this command is killed: each fault ends by itself. Trials that are
    done are kept: the same command with the same --to goes on where it was.
    """
    workspace = open_workspace(file, environment)
    older = _older(against) if against else None
    if show:
        experiments = asyncio.run(_catalogue(workspace, tuple(only or ()), quick=quick))
        print_json(experiments) if json else out.print(_listed(experiments))
        return 0
    asked = _Asked(tuple(only or ()), quick, 1 if quick else trials, verbose, quiet or json, lock_wait)
    go_first()
    with workspace.store.lock("prove", lock_wait):
        folder = to or workspace.store.folder / "proof" / datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        report = asyncio.run(_prove(workspace, asked, folder))
    workspace.store.prove(_verdicts(report), report.at)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_bytes(dump(report))
    (folder / "report.html").write_text(page(report), encoding="utf-8")
    (folder / "report.md").write_text(markdown(report), encoding="utf-8")
    if json:
        sys.stdout.write(dump(report).decode() + "\n")
    else:
        out.print(summary(report))
        if older:
            out.print(screen(compare(older, report)))
        out.print(f"  [bold]{escape(str(folder / 'report.html'))}[/]")
    return 0 if all(proof.judgement is Judgement.VALID for proof in report.proofs) else NOT_PROVED


def _verdicts(report: Report) -> dict[str, bool]:
    """By class of failure, whether all that was tried of it was proved."""
    failures = dict.fromkeys(proof.experiment.failure for proof in report.proofs)
    return {
        failure: all(p.judgement is Judgement.VALID for p in report.proofs if p.experiment.failure == failure)
        for failure in failures
    }


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command line asks for."""

    only: tuple[str, ...]
    quick: bool
    trials: int
    verbose: bool
    quiet: bool
    wait: float


async def _catalogue(workspace: Workspace, only: Sequence[str], *, quick: bool) -> tuple[Experiment, ...]:
    await workspace.catch_up()
    watch = Watch(applied(workspace), workspace.registry, workspace.provider, workspace.vault)
    try:
        return _chosen(await _experiments(workspace, watch, quick=quick), only)
    finally:
        await watch.kept.close()


async def _experiments(workspace: Workspace, watch: Watch, *, quick: bool) -> tuple[Experiment, ...]:
    status = await watch.status()
    found = offers(watch.blueprint, workspace.registry, workspace.provider.faults)
    possible = {offer.kind for offer in found if offer.targets and offer.finding is None} | ACTS
    primaries = {service.name for service in status.services if service.primary}
    topology = watch.blueprint.topology
    derived = derive(topology, workspace.registry, primaries, possible, workspace.site.survive)
    return telling(derived, topology, workspace.registry) if quick else derived


def _chosen(experiments: Sequence[Experiment], only: Sequence[str]) -> tuple[Experiment, ...]:
    """Those that are asked for. Raises `Invalid` for a name that means none."""
    patterns = only or ("*",)
    found = tuple(e for e in experiments if any(fnmatch.fnmatchcase(e.name, pattern) for pattern in patterns))
    strange = [p for p in only if not any(fnmatch.fnmatchcase(e.name, p) for e in experiments)]
    if strange or not found:
        why = "this site has no such experiment"
        fix = "see `outlast prove --list` for their names"
        raise Invalid(*(Finding(name, "nothing to prove", why, fix) for name in strange or ("prove",)))
    return found


async def _prove(workspace: Workspace, asked: _Asked, folder: Path) -> Report:
    # Customers bring an HTTP library along, which no other command should take the time to import.
    from outlast.proof.campaign import Campaign
    from outlast.proof.run import Stand

    began, at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")

    async def newer() -> Blueprint:
        await workspace.catch_up()
        return applied(workspace)

    blueprint = await newer()
    watch = Watch(blueprint, workspace.registry, workspace.provider, workspace.vault, newer)
    async with Chaos(blueprint, workspace.provider, workspace.registry, workspace.file, workspace.environment) as chaos:
        try:
            experiments = _chosen(await _experiments(workspace, watch, quick=asked.quick), asked.only)
            stand = Stand(
                provider=workspace.provider,
                watch=watch,
                striker=Striker(workspace.registry, chaos, watch),
                urls=urls(blueprint),
                authority=workspace.vault.authority_path,
                customers=workspace.site.customers,
            )
            machines = await _reached(watch)
            with shown(None, quiet=asked.quiet, verbose=asked.verbose) as emit:
                mended = [experiment for experiment in experiments if not experiment.heals_itself]
                async with held(machines, operator("prove"), asked.wait, silent):
                    proofs = await Campaign(stand, mended, asked.trials, folder, emit).run()
                # Of these nobody but the site's own controllers brings anything back, so they must be free to.
                rest = [experiment for experiment in experiments if experiment.heals_itself]
                proofs += await Campaign(stand, rest, asked.trials, folder, emit).run()
            surroundings = await _surroundings(watch)
        finally:
            await watch.kept.close()
    return Report(
        site=workspace.site.site,
        generation=blueprint.generation,
        version=version("outlast"),
        at=at,
        seconds=round(time.monotonic() - began, 1),
        command=shlex.join(["outlast", *sys.argv[1:]]),
        surroundings=surroundings,
        proofs=proofs,
    )


def _older(path: Path) -> Report:
    try:
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        fix = "name the report.json of an earlier `outlast prove`"
        raise Invalid(Finding(str(path), "it cannot be read", error.strerror or str(error), fix)) from None


async def _reached(watch: Watch) -> dict[str, Machine]:
    """A connection to every machine that answers, for the lease."""
    found: dict[str, Machine] = {}
    for name in watch.blueprint.bundle_by_machine:
        try:
            found[name] = await watch.kept.connect(name)
        except Unreachable:
            err.print(f"{name} does not answer", style="yellow")
    return found


async def _surroundings(watch: Watch) -> tuple[tuple[str, str], ...]:
    """On what it ran: this computer, and the versions of the engines."""
    machine = await watch.kept.connect(watch.blueprint.topology.machines[0].name)
    done = await machine.run(["dpkg-query", "-W", "-f", "${Package}=${Version}\n", *ENGINES])
    lines = done.stdout.decode().split()
    engines = [(name, number) for name, _, number in (line.partition("=") for line in lines) if number]
    here = [("processors", str(os.cpu_count())), ("kernel", platform.release())]
    return (*here, ("machines", str(len(watch.blueprint.topology.machines))), *engines)


def _listed(experiments: Sequence[Experiment]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in ("EXPERIMENT", "OUTAGE AT MOST", "WHAT HAPPENS"):
        table.add_column(column)
    for experiment in experiments:
        table.add_row(experiment.name, f"{experiment.objective.outage:g} s", experiment.summary)
    return table
