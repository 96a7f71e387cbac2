"""One word for every timer of the chain: each preset loads, is in order, and gives way to what the file says itself."""

from __future__ import annotations

from typing import cast

import pytest

from outlast.contract.registry import discover
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.sections import sections

TEXT = """\
site: shop
domain: shop.test
datacenters: { east: { machines: lab } }
apps: { web: { source: ., run: serve, uses: [database] } }
"""


def site(more: str) -> Site:
    return load(TEXT + more, "site.yaml", sections(discover())).site


def options(held: Site) -> dict[str, dict[str, object]]:
    return {wish.name: wish.options.model_dump() for wish in held.wishes}


@pytest.mark.parametrize("component", [c.name for c in discover() if c.presets])
def test_presets_change_what_they_name_and_nothing_is_slower_when_it_is_fast(component: str) -> None:
    declared = discover()[component]
    assert set(declared.presets) <= {"fast", "patient"}
    fast, normal, patient = (
        declared.options.model_validate(declared.presets.get(name, {})).model_dump()
        for name in ("fast", "normal", "patient")
    )
    for quick, usual, slow in zip(*map(numbers, (fast, normal, patient)), strict=True):
        assert quick <= usual <= slow
    assert fast != normal != patient


def numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for part in cast(dict[str, object], value).values() for number in numbers(part)]
    return [value] if isinstance(value, float) else []


def test_a_word_sets_all_timers_together() -> None:
    slow = options(site("recovery: patient\ndatabase: {}\n"))
    usual = options(site("database: {}\n"))
    changed = {name for name in slow if slow[name] != usual[name]}
    assert changed == {"database", "dbproxy", "edge", "addresses"}


def test_what_the_file_says_itself_is_stronger() -> None:
    timers = options(site("recovery: patient\ndatabase: { timers: { suspect: 2s } }\n"))["database"]["timers"]
    assert isinstance(timers, dict)
    assert (timers["suspect"], timers["inactive"]) == (2.0, 12.0)
