"""Words of `outlast chaos`, as values."""

from __future__ import annotations

import pytest

from outlast.cli.faults import duration, settings
from outlast.cli.monkey import read_days, read_hours
from outlast.kernel.errors import Invalid


def test_hours_and_days() -> None:
    assert read_hours("9-17") == (9, 17)
    assert read_hours("0-24") == (0, 24)
    assert read_days("mon-fri") == frozenset(range(5))
    assert read_days("Mon,wed,sat-sun") == {0, 2, 5, 6}


@pytest.mark.parametrize("text", ["9", "17-9", "9-25", "nine-five", "9-9"])
def test_no_hours(text: str) -> None:
    with pytest.raises(Invalid, match="no hours"):
        read_hours(text)


@pytest.mark.parametrize("text", ["", "monday", "fri-mon", "mon,,fri"])
def test_no_days(text: str) -> None:
    with pytest.raises(Invalid, match="no days"):
        read_days(text)


def test_parameters_and_durations() -> None:
    assert settings(["share=0.3", "mib=64"]) == (("share", 0.3), ("mib", 64.0))
    assert duration("1m") == 60.0
    with pytest.raises(Invalid, match="sets nothing"):
        settings(["share"])
    with pytest.raises(Invalid, match="no unit"):
        duration("10")
