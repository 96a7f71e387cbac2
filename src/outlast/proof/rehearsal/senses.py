"""What the decider is shown of the truth: with gaps where it is cut off, and with lies where a sensor lies."""

from __future__ import annotations

from dataclasses import dataclass, field

from outlast.contract.probe import Health
from outlast.policy.observation import NEVER, Known, MachineSeen, Observation, Presence, Unknown
from outlast.proof.rehearsal.world import World


@dataclass
class Senses:
    """What is heard, and by whom. `deaf_to`: machines that the observer does not hear; others hear them. `gagged`: the
    provider says nothing; `denied`: machines that it wrongly calls off; `slandered`: members wrongly called ill."""

    deaf_to: set[str] = field(default_factory=set[str])
    gagged: bool = False
    denied: set[str] = field(default_factory=set[str])
    slandered: set[str] = field(default_factory=set[str])
    _heard: dict[str, float] = field(default_factory=dict[str, float], init=False)
    _elsewhere: dict[str, float] = field(default_factory=dict[str, float], init=False)

    def look(self, world: World) -> Observation:
        """One observation of the world as it is now."""
        alone = len(self.deaf_to) * 2 >= len(world.computers)
        machines: dict[str, MachineSeen] = {}
        for name, computer in world.computers.items():
            if computer.answers(world.now):
                if name not in self.deaf_to:
                    self._heard[name] = world.now
                # Whoever hears hardly anybody hears nobody's word about the others either.
                if not alone:
                    self._elsewhere[name] = world.now
            presence = Presence.OFF if name in self.denied else computer.presence
            machines[name] = MachineSeen(
                Unknown("its provider does not answer") if self.gagged else Known(presence, world.now),
                self._heard.get(name, NEVER),
                self._elsewhere.get(name, NEVER),
            )
        return Observation(world.now, machines, {name: self._health(name, world) for name in world.instances})

    def _health(self, member: str, world: World) -> Known[Health] | Unknown:
        home = world.shape.homes[member]
        if home in self.deaf_to or not world.computers[home].answers(world.now):
            return Unknown("its machine is not heard")
        ill = member in self.slandered or not world.serves(member)
        return Known(Health.UNHEALTHY if ill else Health.HEALTHY, world.now)
