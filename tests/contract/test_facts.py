"""What every component says of itself: its example, its options, its packages, its ports, its alerts."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from outlast.contract.component import Beside
from outlast.contract.registry import discover
from outlast.kernel.network import Transport, parse_destination
from outlast.site.load import load
from outlast.topology.sections import sections
from tests.contract.subject import NAMES, folder, models, placed

pytestmark = pytest.mark.parametrize("name", NAMES)

CORE = "site: trial\ndomain: trial.test\ndatacenters: { east: { machines: lab } }\n"
PLAIN_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")


def test_its_example_loads_as_its_section(name: str) -> None:
    component = discover()[name]
    example = discover().example(name)
    assert example.startswith("#"), "the example begins with a comment that says what it is"
    assert list(yaml.safe_load(example)) == [component.claim.key]
    site = load(CORE + example, "example.yaml", sections(discover())).site
    assert name in {wish.component for wish in site.wishes if wish.section == component.claim.key}


def test_its_options_are_described_frozen_and_closed(name: str) -> None:
    for model in models(discover()[name].options):
        assert model.__doc__, f"{model.__name__} says nothing about itself"
        assert model.model_config.get("frozen") is True, f"{model.__name__} can be changed"
        assert model.model_config.get("extra") == "forbid", f"{model.__name__} takes what it does not know"
        silent = [key for key, field in model.model_fields.items() if not field.description]
        assert silent == [], f"{model.__name__}: options without a description"


def test_its_facts_are_plain(name: str) -> None:
    component = discover()[name]
    assert component.summary
    assert not component.summary.endswith(".")
    assert component.settle > 0
    if component.claim.default:
        component.options()
    if isinstance(component.placement, Beside):
        assert component.placement.interface


def test_its_packages_are_plain_names(name: str) -> None:
    component = discover()[name]
    wishes = [wish for wish in placed(name).site.wishes if wish.component == name]
    assert wishes
    for wish in wishes:
        packages = component.packages(wish.options)
        assert [package for package in packages if not PLAIN_PACKAGE.fullmatch(package)] == []
        assert len(set(packages)) == len(packages)


def test_its_ports_are_stable_and_its_own(name: str) -> None:
    component = discover()[name]
    for wish in (wish for wish in placed(name).site.wishes if wish.component == name):
        for index in (1, 2, 3, 9):
            provided = component.provides(wish.options, index)
            assert provided == component.provides(wish.options, index)
            interfaces = [entry.interface for entry in provided]
            assert len(set(interfaces)) == len(interfaces)
            ports = [entry.port for entry in provided]
            # One port is chosen for a service: a second one without a number would get the same.
            assert len(set(ports)) == len(ports)
            for entry in provided:
                if entry.transport is Transport.VRRP:
                    assert entry.port == 0, "VRRP has no ports"
                else:
                    assert entry.port is None or 1 <= entry.port <= 65535


def test_what_it_serves_to_the_world_is_not_bound_to_loopback(name: str) -> None:
    for wish in (wish for wish in placed(name).site.wishes if wish.component == name):
        assert not [entry for entry in discover()[name].provides(wish.options, 1) if entry.public and entry.loopback]


def test_what_it_calls_outside_can_be_named_in_a_firewall(name: str) -> None:
    component = discover()[name]
    for wish in (wish for wish in placed(name).site.wishes if wish.component == name):
        for call in component.calls(wish.options) if component.calls else ():
            assert parse_destination(str(call)) == call


def test_its_alerts_say_what_they_mean(name: str) -> None:
    path = folder(discover()[name]) / "alerts.yml"
    assert path.is_file(), "alerts.yml is missing"
    document: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(document) == ["groups"]
    rules: list[dict[str, Any]] = [rule for group in document["groups"] for rule in group["rules"]]
    assert rules
    assert all(group["name"] for group in document["groups"])
    for rule in rules:
        assert re.fullmatch(r"([A-Z][a-z0-9]*)+", rule["alert"])
        assert rule["expr"]
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"]["summary"]
    names = [rule["alert"] for rule in rules]
    assert len(set(names)) == len(names)
