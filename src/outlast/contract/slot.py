"""Two places for a member on its machine: what comes next starts in the other one, beside what runs."""

from __future__ import annotations

from enum import StrEnum


class Slot(StrEnum):
    """One of the two. Which one a member is in changes with every changeover."""

    A = "a"
    B = "b"

    @property
    def other(self) -> Slot:
        """Where the next one starts."""
        return Slot.B if self is Slot.A else Slot.A


def in_slot(interface: str, slot: Slot) -> str:
    """What `interface` is called when a member serves it from `slot`: a port of its own, so a name of its own."""
    return interface if slot is Slot.A else f"{interface}-{slot}"
