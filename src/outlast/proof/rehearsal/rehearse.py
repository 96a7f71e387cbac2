"""Runs healing against a rehearsed site for as long as is asked: safe at every tick, whole again after every trouble.

While all is well time jumps to the next trouble; while anything is not, it passes in ticks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import TypeAlias

from outlast.policy.heal import Healing, Limits, Remedy, heal
from outlast.policy.memory import Attempt, Memory, Verb
from outlast.policy.observation import Observation, Presence
from outlast.policy.shape import Shape
from outlast.proof.rehearsal.senses import Senses
from outlast.proof.rehearsal.trouble import APART, BETWEEN, TOGETHER, Trouble, troubles
from outlast.proof.rehearsal.world import World

TICK = 1.0
HOUR = 3600.0
PATIENCE = 2 * HOUR
"""After the last trouble all must be whole within this: what was left alone is tried again in the meantime."""


@dataclass
class Rehearsal:
    """What came of it. `whole_after`: seconds from each time that something was missing until nothing was; `broken`
    tells of every rule that was broken, and when."""

    seed: int
    hours: float
    troubles: Counter[str] = field(default_factory=Counter[str])
    remedies: Counter[Verb] = field(default_factory=Counter[Verb])
    decisions: int = 0
    whole_after: list[float] = field(default_factory=list[float])
    broken: list[str] = field(default_factory=list[str])


Decider: TypeAlias = Callable[[Observation, Shape, Memory, Limits], Healing]


def rehearse(shape: Shape, seed: int, hours: float, limits: Limits | None = None, decide: Decider = heal) -> Rehearsal:
    """So many hours of this site's life, with the troubles of this seed. `decide` is whose decisions are judged."""
    return _Run(shape, seed, hours, limits or Limits(), decide).run()


class _Run:
    def __init__(self, shape: Shape, seed: int, hours: float, limits: Limits, decide: Decider) -> None:
        self.limits, self.decide = limits, decide
        self.dice = Random(seed)
        self.world = World(shape, self.dice)
        self.senses = Senses()
        self.memory = Memory()
        self.result = Rehearsal(seed, hours)
        # (when, a number that keeps equal times in order, what, whether it begins)
        self.agenda: list[tuple[float, int, Trouble, bool]] = []
        self.present: list[Trouble] = []
        self.ill_since: float | None = None
        self.deaf_since: float | None = None
        self.number = 0

    def run(self) -> Rehearsal:
        end = self.result.hours * HOUR
        self._plan(self.dice.expovariate(1 / BETWEEN))
        while self.world.now < end:
            self._troubles()
            self._tick()
            if self._at_rest:
                self.world.now = min(max(self.agenda[0][0], self.world.now + TICK), end)
            else:
                self.world.now += TICK
        return self.result

    @property
    def _at_rest(self) -> bool:
        return self.ill_since is None and not self.present and not self.memory.ills and not self.memory.under_way

    def _plan(self, at: float) -> None:
        """The next trouble; now and then another one before it is over."""
        self._put(at, troubles(self.world, self.dice), begins=True)
        if self.dice.random() < TOGETHER:
            self._put(at + self.dice.uniform(0, APART), troubles(self.world, self.dice), begins=True)

    def _put(self, at: float, trouble: Trouble, *, begins: bool) -> None:
        self.number += 1
        heappush(self.agenda, (at, self.number, trouble, begins))

    def _troubles(self) -> None:
        world = self.world
        while self.agenda and self.agenda[0][0] <= world.now:
            _, _, trouble, begins = heappop(self.agenda)
            if begins:
                trouble.begin(world, self.senses)
                self.present.append(trouble)
                self.result.troubles[trouble.name.split(" ", 1)[1]] += 1
                self._put(world.now + trouble.lasts, trouble, begins=False)
            else:
                trouble.end(world, self.senses)
                self.present.remove(trouble)
        if not self.agenda:
            self._plan(world.now + self.dice.expovariate(1 / BETWEEN))
        if world.whole:
            if self.ill_since is not None:
                self.result.whole_after.append(world.now - self.ill_since)
            self.ill_since = None
        elif self.ill_since is None:
            self.ill_since = world.now
        elif world.now - self.ill_since > PATIENCE and not self.present and not self._looks_like_its_own:
            ill = [name for name in world.instances if not world.serves(name)]
            self._broken(f"not whole for {PATIENCE / HOUR:g} h: {', '.join(ill)}")
            self.ill_since = world.now

    @property
    def _looks_like_its_own(self) -> bool:
        """Half of the machines are on and deaf: no observer can tell that from a fault of its own."""
        on = [computer for computer in self.world.computers.values() if computer.presence is Presence.ON]
        return sum(computer.answers(self.world.now) for computer in on) * 2 <= len(on)

    def _tick(self) -> None:
        deaf = len(self.senses.deaf_to) * 2 >= len(self.world.computers)
        self.deaf_since = (self.world.now if self.deaf_since is None else self.deaf_since) if deaf else None
        healing = self.decide(self.senses.look(self.world), self.world.shape, self.memory, self.limits)
        self.result.decisions += 1
        self.memory = healing.memory
        busy = {name: held for name, held in self.memory.under_way.items() if held.began < self.world.now}
        for remedy in healing.remedies:
            self._judge(remedy, busy)
            busy[remedy.subject] = self.memory.under_way[remedy.subject]
        for remedy in healing.remedies:
            self.result.remedies[remedy.verb] += 1
            self.world.apply(remedy)

    def _judge(self, remedy: Remedy, busy: Mapping[str, Attempt]) -> None:
        """The rules, by the truth and not by what the decider saw. `busy`: remedies that have not ended."""
        world, shape = self.world, self.world.shape
        if self.deaf_since is not None and world.now - self.deaf_since > self.limits.facts:
            self._broken(f"{remedy.verb} {remedy.subject} while it heard too few")
        if remedy.subject in busy:
            self._broken(f"{remedy.verb} {remedy.subject} twice at once")
        if remedy.verb is Verb.START:
            return
        if sum(attempt.verb is not Verb.START for attempt in busy.values()) >= self.limits.at_once:
            self._broken(f"{remedy.verb} {remedy.subject} while something else was taken away")
        taken = (remedy.subject,) if remedy.subject in shape.homes else shape.tenants[remedy.subject]
        if all(map(world.serves, taken)) and not self.senses.slandered & {*taken}:
            self._broken(f"{remedy.verb} {remedy.subject}, which was well")
        for member in taken:
            cluster = shape.cluster_of[member]
            others = sum(world.serves(other) for other in cluster.members if other != member)
            # Whoever is told that it is ill cannot know better; but nothing that cannot be undone may follow from it.
            if world.serves(member) and others < cluster.needed and member not in self.senses.slandered:
                self._broken(f"{remedy.verb} {remedy.subject} took {member}, which {cluster.service} could not lose")
            if remedy.verb is Verb.REPLACE and cluster.keeps and not others:
                self._broken(f"{remedy.verb} {remedy.subject} destroyed the last copy of {cluster.service}")

    def _broken(self, what: str) -> None:
        names = "; ".join(trouble.name for trouble in self.present)
        self.result.broken.append(f"seed {self.result.seed}, {self.world.now / HOUR:.3f} h: {what} ({names})")
