"""Troubles: what happens to a rehearsed site, and when it is over. Drawn from a seed, a few at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from outlast.proof.rehearsal.senses import Senses
from outlast.proof.rehearsal.world import World

Deed = Callable[[World, Senses], None]
BETWEEN, TOGETHER, APART = 7200.0, 0.2, 60.0
LASTS = (5.0, 300.0)


@dataclass(frozen=True, slots=True)
class Trouble:
    """`begin` at a moment, `end` `lasts` seconds later."""

    name: str
    lasts: float
    begin: Deed
    end: Deed


def troubles(world: World, dice: Random) -> Trouble:
    """Any one trouble that can come to this site."""
    machine, member = dice.choice(world.shape.machines), dice.choice(sorted(world.instances))
    few = set(dice.sample(world.shape.machines, dice.randint(1, len(world.shape.machines))))
    lasts = dice.uniform(*LASTS)
    kinds = [
        Trouble(f"{machine} loses its power", lasts, lambda w, _s: w.lose_power(machine), _nothing),
        Trouble(f"{machine} is lost with its disk", lasts, lambda w, _s: w.lose(machine), _nothing),
        Trouble(f"{machine} hangs", lasts, lambda w, _s: _hang(w, machine), _nothing),
        Trouble(f"{member} is sick", lasts, lambda w, _s: _sicken(w, member), _nothing),
        Trouble(
            f"{member} is sick, and again", lasts, lambda w, _s: _sicken(w, member), lambda w, _s: _sicken(w, member)
        ),
        Trouble(f"the observer does not hear {len(few)} machines", lasts, lambda _w, s: s.deaf_to.update(few), _hears),
        Trouble("the provider is silent", lasts, _gag, _ungag),
        Trouble("the provider refuses", lasts, lambda w, _s: _refuse(w, True), lambda w, _s: _refuse(w, False)),
        Trouble("machines boot slowly", lasts, lambda w, _s: _slow(w, 8.0), lambda w, _s: _slow(w, 1.0)),
        Trouble(f"the provider denies {machine}", lasts, lambda _w, s: s.denied.add(machine), _honest),
        Trouble(f"{member} is called ill", lasts, lambda _w, s: s.slandered.add(member), _honest),
    ]
    return dice.choice(kinds)


def _nothing(_world: World, _senses: Senses) -> None:
    """It is over when it was healed."""


def _hang(world: World, machine: str) -> None:
    world.computers[machine].hung = True


def _sicken(world: World, member: str) -> None:
    world.instances[member].sick = True


def _refuse(world: World, refuses: bool) -> None:
    world.refuses = refuses


def _slow(world: World, factor: float) -> None:
    world.slow = factor


def _hears(_world: World, senses: Senses) -> None:
    senses.deaf_to.clear()


def _gag(_world: World, senses: Senses) -> None:
    senses.gagged = True


def _ungag(_world: World, senses: Senses) -> None:
    senses.gagged = False


def _honest(_world: World, senses: Senses) -> None:
    senses.denied.clear()
    senses.slandered.clear()
