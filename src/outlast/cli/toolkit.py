"""`outlast chaos export` and `play`: experiments in the format of the Chaos Toolkit."""

from __future__ import annotations

import asyncio
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
import yaml

from outlast.cli.faults import chosen, duration, settings
from outlast.cli.inflict import inflict
from outlast.cli.options import SITE_FILE, AsJson, Environment, SiteFile
from outlast.cli.output import err, out, print_json
from outlast.cli.status import NEGATIVE
from outlast.cli.target import applied
from outlast.controller.store import own_folder
from outlast.controller.workspace import open_workspace
from outlast.kernel.errors import Finding, Invalid, Negative
from outlast.proof.faults.ailments import kinds
from outlast.proof.faults.toolkit import Asked, Probe, exported, imported
from outlast.status import urls


def register(chaos: typer.Typer) -> None:
    """Add the verbs."""
    chaos.command()(export)
    chaos.command()(play)


def export(
    fault: Annotated[str, typer.Argument(help="One that `outlast chaos list` names.")],
    targets: Annotated[list[str], typer.Argument(help="Members or machines; also a pool, a data centre or a service.")],
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    others: Annotated[list[str] | None, typer.Option("--from", help="The second set of machines.")] = None,
    lasting: Annotated[str, typer.Option("--for", help="It goes away after this time.")] = "10s",
    given: Annotated[list[str] | None, typer.Option("--set", help="A parameter of the fault: `share=0.3`.")] = None,
    to: Annotated[
        Path | None, typer.Option("--out", help="A file: JSON, or YAML by its name. Otherwise it is printed.")
    ] = None,
) -> None:
    """Write a fault as an experiment of the Chaos Toolkit: is the site well, break it, is it well again."""
    workspace = open_workspace(file, environment)
    wanted = chosen(workspace, fault, targets, others or [], duration(lasting), settings(given or []))
    trust = file.parent / own_folder(environment) / "ca.pem"
    summary = kinds(workspace.registry)[fault].summary
    document = exported(wanted, summary, urls(applied(workspace)), str(file), str(trust), environment)
    if to is None:
        print_json(document)
        return
    is_yaml = to.suffix in (".yaml", ".yml")
    text = yaml.safe_dump(document, sort_keys=False) if is_yaml else json.dumps(document, indent=2)
    to.write_text(text.rstrip() + "\n", encoding="utf-8")
    out.print(f"[green]●[/] {to} is written: `chaos run {to}` plays it, and so does `outlast chaos play {to}`")


def play(
    experiment: Annotated[Path, typer.Argument(help="A file that `export` or the Chaos Toolkit wrote.")],
    file: SiteFile = SITE_FILE,
    environment: Environment = "",
    force: Annotated[bool, typer.Option("--force", help="Also when the site is not healthy as it is.")] = False,
    as_json: AsJson = False,
) -> int:
    """Play an experiment of the Chaos Toolkit that is made of our faults. Exit code 3 when it does not end well."""
    workspace = open_workspace(file, environment)
    read = imported(_read(experiment), str(experiment))
    _refuse_others(read.faults, environment, str(experiment))
    faults = [
        chosen(workspace, a.kind, a.targets, a.others, duration(a.lasting), settings(a.given)) for a in read.faults
    ]
    before = [_ask(probe) for probe in read.probes]
    if not all(well for _, _, well in before):
        ill = ", ".join(f"{name}: {said}" for name, said, well in before if not well)
        fix = "mend the site first: nothing was broken"
        raise Negative(Finding(str(experiment), "the steady state is not there at the beginning", ill, fix))
    done: list[object] = []
    for fault in faults:
        done.append(asyncio.run(inflict(workspace, fault, force=force, quiet=as_json)))
    after = [_ask(probe) for probe in read.probes]
    well = all(answered for _, _, answered in after)
    if as_json:
        print_json({"title": read.title, "before": before, "faults": done, "after": after, "ok": well})
        return 0 if well else NEGATIVE
    for name, said, answered in after:
        err.print(f"{'[green]●[/]' if answered else '[red]●[/]'} {name}: {said}", markup=True)
    out.print(f"{'[green]●[/]' if well else '[red]●[/]'} {read.title}: {'all is well again' if well else 'not well'}")
    return 0 if well else NEGATIVE


def _refuse_others(faults: Sequence[Asked], environment: str, where: str) -> None:
    """What was written for one environment is not done to another. Raises `Invalid`."""
    meant = {fault.environment for fault in faults} - {environment}
    if meant:
        names = sorted(f"the environment {each}" if each else "no environment" for each in meant)
        why = f"it was written for {', '.join(names)}"
        fix = "name that one with -e, or leave -e out where it names none"
        raise Invalid(Finding(where, "the experiment is for another site of this file", why, fix))


def _read(path: Path) -> object:
    try:
        # JSON is YAML too.
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = error.strerror or str(error) if isinstance(error, OSError) else f"it is neither JSON nor YAML ({error})"
        fix = "name a file that `outlast chaos export` wrote"
        raise Invalid(Finding(str(path), "the experiment cannot be read", why, fix)) from None


def _ask(probe: Probe) -> tuple[str, str, bool]:
    """What is asked, what came back, and whether that is well."""
    context = ssl.create_default_context(cafile=probe.trust) if probe.trust else ssl.create_default_context()
    try:
        with urllib.request.urlopen(probe.url, timeout=probe.timeout, context=context) as answer:
            status = int(answer.status)
    except urllib.error.HTTPError as error:
        status = error.code
    except OSError as error:
        return probe.name, f"no answer ({error})", False
    return probe.name, f"status {status}", status in probe.statuses
