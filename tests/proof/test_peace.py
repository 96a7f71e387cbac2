"""Who was broken lately is left in peace for as long as controllers remember it."""

from __future__ import annotations

from outlast.policy.heal import Limits
from outlast.proof.peace import Peace


def test_who_was_broken_is_left_alone_for_longer_than_the_controllers_remember() -> None:
    peace = Peace()
    assert peace.wanted(["east-app-1"]) == 0.0
    peace.begins(["east-app-1"])
    assert Limits().lasting < peace.wanted(["east-app-1", "east-app-2"]) <= Limits().lasting + 5.0
    assert peace.wanted(["east-app-2"]) == 0.0
