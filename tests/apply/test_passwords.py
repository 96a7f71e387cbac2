"""A password is changed without a moment in which somebody uses one that is not accepted, killed wherever it may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from outlast.apply.passwords import Passwords
from outlast.seal import durable
from outlast.seal.seal import Seal

NAME = "database/web"


def opened(folder: Path) -> Passwords:
    return Passwords(folder / "passwords", Seal(folder, "shop"))


def accepted(folder: Path) -> set[str]:
    return {opened(folder).value(NAME), opened(folder).other(NAME)}


def test_nothing_is_under_way_at_first(tmp_path: Path) -> None:
    held = opened(tmp_path)
    assert held.made(NAME) is None
    assert held.other(NAME) == held.value(NAME)
    assert not held.under_way(NAME)
    assert held.made(NAME) is not None


def test_a_change_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    held = opened(tmp_path)
    old = held.value(NAME)
    held.begin(NAME)
    new = held.other(NAME)
    assert (held.value(NAME), held.under_way(NAME)) == (old, True)
    assert new != old
    held.switch(NAME)
    assert (held.value(NAME), held.other(NAME)) == (new, old)
    held.retire(NAME)
    assert (held.value(NAME), held.other(NAME), held.under_way(NAME)) == (new, new, True)
    held.finish(NAME)
    assert (held.value(NAME), held.under_way(NAME)) == (new, False)


def test_every_step_can_be_done_again(tmp_path: Path) -> None:
    held = opened(tmp_path)
    for step in (held.begin, held.switch, held.retire):
        step(NAME)
        before = accepted(tmp_path), held.value(NAME)
        for again in (held.begin, step):
            again(NAME)
        assert (accepted(tmp_path), held.value(NAME)) == before
    held.finish(NAME)
    held.finish(NAME)
    assert not held.under_way(NAME)


@pytest.mark.parametrize("written", [1, 2])
def test_a_switch_that_died_half_way_keeps_both_accepted_and_is_done_again(tmp_path: Path, written: int) -> None:
    held = opened(tmp_path)
    held.begin(NAME)
    old, new = held.value(NAME), held.other(NAME)
    # As the switch leaves it after so many of its writes.
    held.seal.write(tmp_path / "passwords" / f"{NAME}.outgoing", old.encode())
    if written == 2:
        held.seal.write(tmp_path / "passwords" / NAME, new.encode())
    assert accepted(tmp_path) == {old, new}
    opened(tmp_path).switch(NAME)
    assert (held.value(NAME), held.other(NAME)) == (new, old)


def test_what_is_under_way_is_sealed(tmp_path: Path) -> None:
    held = opened(tmp_path)
    held.begin(NAME)
    held.switch(NAME)
    secrets = {value.encode() for value in accepted(tmp_path)}
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files for secret in secrets if secret in path.read_bytes()]
    durable.remove(tmp_path / "nothing")
