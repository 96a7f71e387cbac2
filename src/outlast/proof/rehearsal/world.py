"""The truth of a rehearsed site: machines and members as they really are, what troubles do to them, what remedies do.

Time is a number of seconds. Nobody here decides; what the decider is shown of the truth is made in `senses`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from outlast.policy.heal import Remedy
from outlast.policy.memory import Verb
from outlast.policy.observation import Presence
from outlast.policy.shape import Shape

BOOT = (2.0, 20.0)
JOIN, COPY = (1.0, 10.0), (5.0, 45.0)
CURES = {Verb.RESTART: 0.7, Verb.CYCLE: 0.9, Verb.REPLACE: 1.0}


@dataclass
class Computer:
    """One machine. `up_at`: it answers from then on, when its power is on; `hung`: it is on, and deaf."""

    presence: Presence = Presence.ON
    up_at: float = 0.0
    hung: bool = False

    def answers(self, now: float) -> bool:
        """Whether it does anything at all."""
        return self.presence is Presence.ON and not self.hung and now >= self.up_at


@dataclass
class Instance:
    """One member. `well_at`: it serves from then on, when its machine answers; `sick`: not before it is cured."""

    well_at: float = 0.0
    sick: bool = False
    empty: bool = False


@dataclass
class World:
    """A site and its truth. `slow`: how much longer than usual machines take to boot now; `refuses`: the provider does
    nothing that it is asked for."""

    shape: Shape
    dice: Random
    now: float = 0.0
    slow: float = 1.0
    refuses: bool = False
    computers: dict[str, Computer] = field(init=False)
    instances: dict[str, Instance] = field(init=False)

    def __post_init__(self) -> None:
        self.computers = {name: Computer() for name in self.shape.machines}
        self.instances = {name: Instance() for name in self.shape.homes}

    def serves(self, member: str) -> bool:
        """Whether the member does its work now."""
        instance = self.instances[member]
        answers = self.computers[self.shape.homes[member]].answers(self.now)
        return answers and not instance.sick and self.now >= instance.well_at

    @property
    def whole(self) -> bool:
        """Whether everything is there and serves."""
        return all(self.serves(member) for member in self.instances)

    def lose_power(self, machine: str) -> None:
        """Its disk is left."""
        self.computers[machine].presence = Presence.OFF

    def lose(self, machine: str) -> None:
        """Nothing of it is left."""
        self.computers[machine].presence = Presence.ABSENT
        for member in self.shape.tenants[machine]:
            self.instances[member].empty = True

    def apply(self, remedy: Remedy) -> None:
        """What the world makes of it."""
        if remedy.verb is Verb.RESTART:
            self._restart(remedy.subject, CURES[remedy.verb])
            return
        if self.refuses:
            return
        computer = self.computers[remedy.subject]
        if remedy.verb is Verb.REPLACE:
            self.lose(remedy.subject)
        computer.presence, computer.hung = Presence.ON, False
        computer.up_at = self.now + self.dice.uniform(*BOOT) * self.slow
        for member in self.shape.tenants[remedy.subject]:
            self._restart(member, CURES.get(remedy.verb, 0.5), computer.up_at)

    def _restart(self, member: str, cure: float, at: float | None = None) -> None:
        instance = self.instances[member]
        if not self.computers[self.shape.homes[member]].answers(self.now) and at is None:
            return
        if self.dice.random() < cure:
            instance.sick = False
        keeps = self.shape.cluster_of[member].keeps
        instance.well_at = (at or self.now) + self.dice.uniform(*(COPY if instance.empty and keeps else JOIN))
        instance.empty = False
