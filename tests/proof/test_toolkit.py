"""Experiments in the format of the Chaos Toolkit: valid by its own judgement, and read back as they were written."""

from __future__ import annotations

import os
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from chaoslib.experiment import ensure_experiment_is_valid  # pyright: ignore[reportMissingTypeStubs]

from outlast.kernel.errors import Invalid
from outlast.proof.faults.fault import Fault
from outlast.proof.faults.toolkit import Asked, exported, imported

FAULT = Fault("loss", ("east-edge-1", "east-edge-2"), seconds=90.0, parameters=(("share", 0.25),))
BETWEEN = Fault("partition", ("east-data-1",), ("east-data-2", "east-data-3"), seconds=5.0)
# Whose tool it is looks the command up.
os.environ["PATH"] += f":{Path(sys.executable).parent}"


def written(fault: Fault = FAULT) -> dict[str, Any]:
    return exported(fault, "a share of packets vanishes", ["https://10.77.0.254/"], "site.yaml", ".outlast/ca.pem")


@pytest.mark.parametrize("fault", [FAULT, BETWEEN], ids=lambda fault: fault.kind)
def test_the_chaos_toolkit_finds_it_valid(fault: Fault) -> None:
    ensure_experiment_is_valid(written(fault))


def test_what_was_written_is_read_again() -> None:
    read = imported(written(), "loss.json")
    assert read.faults == (Asked("loss", FAULT.targets, (), "90s", ("share=0.25",)),)
    [probe] = read.probes
    assert (probe.url, probe.statuses, probe.trust) == ("https://10.77.0.254/", (200,), ".outlast/ca.pem")
    [parted] = imported(written(BETWEEN), "partition.json").faults
    assert (parted.targets, parted.others) == (BETWEEN.targets, BETWEEN.others)


def changed(*path: str | int, to: object) -> dict[str, Any]:
    """The experiment with one place changed; None: that place is not there."""
    document: Any = deepcopy(written())
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return document


PROBE = ("steady-state-hypothesis", "probes", 0)


@pytest.mark.parametrize(
    ("document", "named"),
    [
        (changed("configuration", to={}), "configuration"),
        (changed("secrets", to={}), "secrets"),
        (changed("rollbacks", to=[{"type": "action"}]), "rollbacks"),
        (changed("method", 0, "provider", "path", to="reboot"), "east-edge-1"),
        (changed("method", 0, "provider", "arguments", to=["down", "--yes"]), "chaos run"),
        (changed("method", 0, "provider", "arguments", to="chaos run pause web --until 3"), "--until"),
        (changed("method", 0, "provider", "arguments", to="chaos run pause"), "fault and target"),
        (changed("method", 0, "background", to=True), "background"),
        (changed("method", 0, "type", to="probe"), "no action"),
        (changed("method", to=[]), "does nothing"),
        (changed(*PROBE, "provider", "type", to="python"), "`http` probe"),
        (changed(*PROBE, "tolerance", to={"type": "regex"}), "tolerance"),
        (changed(*PROBE, "provider", "headers", to={"a": "b"}), "headers"),
        (changed(*PROBE, "provider", "verify_tls", to=False), "verify_tls"),
        ([], "no experiment"),
    ],
)
def test_anything_else_is_named(document: object, named: str) -> None:
    with pytest.raises(Invalid) as refused:
        imported(document, "x.json")
    assert any(named in f"{finding.what} {finding.why}" for finding in refused.value.findings)


def test_arguments_may_be_one_text_as_the_toolkit_allows() -> None:
    text = "chaos run pause east-web-1 --for 3s --force"
    document = changed("method", 0, "provider", "arguments", to=text)
    assert imported(document, "x.json").faults == (Asked("pause", ("east-web-1",), (), "3s"),)
