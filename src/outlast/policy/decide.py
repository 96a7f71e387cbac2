"""One look at a site, one decision: what is healed, and what grows or shrinks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from outlast.contract.scaling import Scaling
from outlast.policy.heal import Limits, Remedy, heal
from outlast.policy.memory import Memory, Verb
from outlast.policy.observation import LoadSeen, Observation, Unknown
from outlast.policy.shape import Shape
from outlast.policy.size import Resize, resize

UNSEEN = LoadSeen(Unknown("nobody measures it"))
# Seconds between two looks. After more of them something was done meanwhile, and nobody saw what the load did.
PAUSE = 2.0


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now, what is waited for, and what is remembered."""

    remedies: tuple[Remedy, ...]
    resizes: tuple[Resize, ...]
    waiting_on: tuple[str, ...]
    memory: Memory

    def __bool__(self) -> bool:
        return bool(self.remedies or self.resizes)


def decide(
    seen: Observation, shape: Shape, scalings: Mapping[str, Scaling], memory: Memory, limits: Limits | None = None
) -> Decision:
    """`scalings` has every cluster that follows its load, by the cluster's service (`east/web`)."""
    healing = heal(seen, shape, memory, limits or Limits())
    memory = _looked(healing.memory, seen.at)
    resizes: list[Resize] = []
    waiting = list(healing.waiting_on)
    for cluster in shape.clusters:
        if (scaling := scalings.get(cluster.service)) is None:
            continue
        load = seen.loads.get(cluster.service, UNSEEN)
        answer, memory = resize(seen.at, cluster.service, len(cluster.members), load, scaling, memory)
        if isinstance(answer, Resize):
            resizes.append(answer)
        elif answer:
            waiting.append(answer)
    return Decision(healing.remedies, tuple(resizes), tuple(waiting), memory)


def _looked(memory: Memory, now: float) -> Memory:
    """The memory with this look. What piles up while a machine is brought back, or while something else is done, is no
    measure of the load: more machines would make that worse."""
    mending = any(attempt.verb is not Verb.RESTART for attempt in memory.under_way.values())
    steady = now if mending or now - memory.looked > PAUSE else memory.steady
    return replace(memory, looked=now, steady=steady)
