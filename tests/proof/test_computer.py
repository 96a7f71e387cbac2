"""How busy a computer is."""

from __future__ import annotations

import time

from outlast.proof.computer import Worked, worked


def test_a_share_is_of_the_time_that_passed() -> None:
    assert Worked(200, 150).since(Worked(100, 100)) == 0.5
    assert Worked(200, 150).since(Worked(200, 150)) is None


def test_this_computer_works_while_somebody_counts() -> None:
    before, end = worked(), time.monotonic() + 0.3
    while time.monotonic() < end:
        pass
    share = worked().since(before)
    assert share is not None
    assert 0.0 < share <= 1.0
