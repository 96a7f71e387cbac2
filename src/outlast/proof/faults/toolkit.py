"""Experiments in the format of the Chaos Toolkit: written for its own command, and read for ours. Pure.

What is read is a subset: a steady state of HTTP probes, and actions that call `outlast chaos run`. Anything else is a
finding that names it, never left out. Source of the format: the Chaos Toolkit's reference, "Experiment".
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from outlast.kernel.errors import Finding, Invalid
from outlast.kernel.units import format_duration
from outlast.proof.faults.fault import Fault

VERSION = "1.0.0"
PROBE_TIMEOUT = 5.0
# What the tool itself may take besides: connecting, and taking the fault back.
TOOL_LIMIT = 120.0
PLAIN = {"version", "title", "description", "tags", "contributions", "steady-state-hypothesis", "method", "rollbacks"}
ACTION = {"type", "name", "provider"}
VALUED = {
    "--for": "for",
    "--from": "from",
    "--set": "set",
    "-f": "file",
    "--file": "file",
    "-e": "environment",
    "--environment": "environment",
}
FLAGS = {"--force", "--json", "-q", "--quiet"}


@dataclass(frozen=True, slots=True)
class Probe:
    """An address that answers with one of these statuses while all is well. `trust`: who may sign for it, a file."""

    name: str
    url: str
    statuses: tuple[int, ...]
    timeout: float = PROBE_TIMEOUT
    trust: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A fault in the words of a command line."""

    kind: str
    targets: tuple[str, ...]
    others: tuple[str, ...] = ()
    lasting: str = "10s"
    given: tuple[str, ...] = ()
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What is to be true before and after, and what is done between."""

    title: str
    probes: tuple[Probe, ...]
    faults: tuple[Asked, ...]


def exported(
    fault: Fault, summary: str, urls: Sequence[str], site_file: str, trust: str, environment: str = ""
) -> dict[str, Any]:
    """The experiment of one fault, for `chaos run` of the Chaos Toolkit."""
    hit = ", ".join(fault.targets) + (f" from {', '.join(fault.others)}" if fault.others else "")
    arguments = ["chaos", "run", fault.kind, *fault.targets, "--for", format_duration(fault.seconds)]
    arguments += [word for other in fault.others for word in ("--from", other)]
    arguments += [word for name, number in fault.parameters for word in ("--set", f"{name}={number:g}")]
    arguments += ["-f", site_file, *(("-e", environment) if environment else ())]
    return {
        "version": VERSION,
        "title": f"{fault.kind}: {hit}",
        "description": f"{summary}. It goes away by itself after {format_duration(fault.seconds)}.",
        "tags": ["outlast", fault.kind],
        "steady-state-hypothesis": {
            "title": "the site answers",
            "probes": [
                {
                    "type": "probe",
                    "name": f"{url} answers",
                    "tolerance": 200,
                    "provider": {"type": "http", "url": url, "timeout": PROBE_TIMEOUT, "verify_tls": trust},
                }
                for url in urls
            ],
        },
        "method": [
            {
                "type": "action",
                "name": f"{fault.kind} {hit}",
                "provider": {
                    "type": "process",
                    "path": "outlast",
                    "arguments": arguments,
                    "timeout": fault.seconds + TOOL_LIMIT,
                },
            }
        ],
        "rollbacks": [],
    }


def imported(document: object, where: str) -> Experiment:
    """The experiment that a file describes. Raises `Invalid` with everything in it that is not understood."""
    whole = _mapping(document)
    if not whole:
        raise Invalid(_refusal(where, "this is no experiment", "it is no mapping, or an empty one"))
    findings = [*_strangers(where, whole)]
    probes: list[Probe] = []
    for entry in _list(_mapping(whole.get("steady-state-hypothesis")).get("probes")):
        read = _probe(where, _mapping(entry))
        probes += [read] if isinstance(read, Probe) else []
        findings += [read] if isinstance(read, Finding) else []
    faults: list[Asked] = []
    for entry in _list(whole.get("method")):
        asked = _action(where, _mapping(entry))
        faults += [asked] if isinstance(asked, Asked) else []
        findings += [asked] if isinstance(asked, Finding) else []
    if not faults and not findings:
        findings = [_refusal(where, "it does nothing", "its method has no action")]
    if findings:
        raise Invalid(*findings)
    return Experiment(str(whole.get("title", where)), tuple(probes), tuple(faults))


def _strangers(where: str, whole: Mapping[str, Any]) -> Iterator[Finding]:
    for key in sorted(set(whole) - PLAIN):
        yield _refusal(where, f"`{key}` is not understood", "only probes and actions of Outlast's own are")
    if whole.get("rollbacks"):
        yield _refusal(where, "`rollbacks` are not understood", "every fault of Outlast goes away by itself")


def _probe(where: str, entry: Mapping[str, Any]) -> Probe | Finding:
    name, provider = str(entry.get("name", "a probe")), _mapping(entry.get("provider"))
    tolerance, trust = entry.get("tolerance"), provider.get("verify_tls", True)
    statuses = _list(tolerance) or [tolerance]
    if provider.get("type") != "http":
        return _refusal(where, f"the probe `{name}` is not understood", "it is no `http` probe")
    if not all(type(status) is int for status in statuses):
        return _refusal(
            where, f"the tolerance of `{name}` is not understood", "it is no HTTP status, nor a list of them"
        )
    unknown = sorted(set(provider) - {"type", "url", "timeout", "verify_tls", "method"})
    if unknown or str(provider.get("method", "GET")).upper() != "GET":
        return _refusal(where, f"the probe `{name}` is not understood", f"it sets {', '.join(unknown) or 'a method'}")
    if trust is False:
        return _refusal(where, f"the probe `{name}` trusts anybody", "`verify_tls` is off")
    timeout = provider.get("timeout", PROBE_TIMEOUT)
    limit = float(timeout) if isinstance(timeout, int | float) else PROBE_TIMEOUT
    return Probe(name, str(provider.get("url")), tuple(statuses), limit, trust if isinstance(trust, str) else None)


def _action(where: str, entry: Mapping[str, Any]) -> Asked | Finding:
    name, provider = str(entry.get("name", "an action")), _mapping(entry.get("provider"))
    unknown = sorted(set(entry) - ACTION)
    if entry.get("type") != "action" or unknown:
        why = f"it has `{unknown[0]}`" if unknown else "it is no action"
        return _refusal(where, f"`{name}` is not understood", why)
    arguments = provider.get("arguments", [])
    words = shlex.split(arguments) if isinstance(arguments, str) else [str(word) for word in _list(arguments)]
    path = str(provider.get("path", ""))
    if provider.get("type") != "process" or path.rpartition("/")[2] != "outlast" or words[:2] != ["chaos", "run"]:
        return _refusal(where, f"the action `{name}` is not ours", "it does not call `outlast chaos run`")
    return _asked(where, name, words[2:])


def _asked(where: str, name: str, words: Sequence[str]) -> Asked | Finding:
    """The fault of a command line."""
    valued: dict[str, list[str]] = {key: [] for key in VALUED.values()}
    plain: list[str] = []
    coming = iter(words)
    for word in coming:
        if word in VALUED:
            valued[VALUED[word]].append(next(coming, ""))
        elif word.startswith("-") and word not in FLAGS:
            return _refusal(
                where, f"`{word}` of the action `{name}` is not understood", "`chaos run` has no such option"
            )
        elif word not in FLAGS:
            plain.append(word)
    if len(plain) < 2:
        return _refusal(where, f"the action `{name}` names no fault and target", "`chaos run` needs both")
    lasting = valued["for"][-1] if valued["for"] else "10s"
    environment = valued["environment"][-1] if valued["environment"] else ""
    return Asked(plain[0], tuple(plain[1:]), tuple(valued["from"]), lasting, tuple(valued["set"]), environment)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def _refusal(where: str, what: str, why: str) -> Finding:
    fix = "play it with the Chaos Toolkit itself, or take that out; `outlast chaos export` shows what is understood"
    return Finding(where, what, why, fix)
