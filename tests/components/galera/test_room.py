"""What a member does as its disk fills up, without a machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.components.galera.views import program

MIB = 1024**2


@dataclass
class Disk:
    """So many MiB are left; others stand as `others` says."""

    mib: int = 10_000
    others: list[str] = field(default_factory=lambda: ["primary", "primary"])
    ended: int = 0

    def left(self) -> int:
        return self.mib * MIB

    def ask(self) -> list[str]:
        return self.others

    def end(self) -> None:
        self.ended += 1


@pytest.fixture
def room() -> Any:
    return program("room")


def looks(room: Any, disk: Disk, *levels: int) -> list[bool]:
    """Whether it may be written to, level by level, each half a second after the one before."""
    watched = room.Room(disk.left, disk.ask, disk.end)
    found: list[bool] = []
    for number, level in enumerate(levels):
        disk.mib = level
        watched.step(number * room.PERIOD)
        found.append(not watched.trouble())
    return found


def test_writes_go_elsewhere_before_the_disk_is_full_and_come_back_late(room: Any) -> None:
    disk = Disk()
    assert looks(room, disk, 500, 65, 63, 100, 127, 129) == [True, True, False, False, False, True]
    assert disk.ended == 0


def test_it_ends_before_it_holds_up_the_others(room: Any) -> None:
    disk = Disk()
    looks(room, disk, 500, 17, 15)
    assert disk.ended == 1


@pytest.mark.parametrize("others", [[], ["silent", "other"]])
def test_it_never_ends_when_nobody_else_serves(room: Any, others: list[str]) -> None:
    disk = Disk(others=others)
    looks(room, disk, 500, 15, 0)
    assert disk.ended == 0


def test_it_does_not_ask_the_disk_all_the_time(room: Any) -> None:
    asked: list[int] = []
    watched = room.Room(lambda: asked.append(1) or 10**12, list, lambda: None)
    for number in range(100):
        watched.step(number / 100)
    assert len(asked) == 2
