"""Does to the site what an experiment says, and undoes it: faults, and the moves and restarts that are no faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry
from outlast.kernel.errors import Finding, OutlastError
from outlast.proof.aim import aimed
from outlast.proof.experiment import ACTS, LOSE, SWITCH, Experiment, Hit
from outlast.proof.faults.catalogue import main_unit
from outlast.proof.faults.chaos import Chaos
from outlast.proof.faults.fault import Fault, Injected
from outlast.proof.history import Mark
from outlast.proof.look import Watch
from outlast.status import Status

POWERLESS = frozenset({"power-off", "reboot"})
TAKEN = frozenset({*POWERLESS, "isolate", LOSE})
# So much longer than the experiment wants it a fault may last when whoever set it is gone.
DEAD_MAN = 30.0
ACT_LIMIT = 120.0
HEALTHY_LIMIT = 120.0


@dataclass
class Struck:
    """What was done, and when. `targets` are the names that were hit."""

    targets: tuple[str, ...]
    marks: list[Mark] = field(default_factory=list[Mark])


@dataclass(frozen=True)
class Striker:
    """One site."""

    registry: Registry
    chaos: Chaos
    watch: Watch

    @property
    def blueprint(self) -> Blueprint:
        """The site as it is now."""
        return self.watch.blueprint

    @asynccontextmanager
    async def struck(self, experiment: Experiment, status: Status, number: int) -> AsyncGenerator[Struck]:
        """Strike, and heal when the block ends, however it ends."""
        names = (name for hit in experiment.hits for name in aimed(hit.aim, status, number))
        struck = Struck(tuple(dict.fromkeys(names)))
        acts = [(hit, name) for hit in experiment.hits if hit.fault in ACTS for name in aimed(hit.aim, status, number)]
        seconds = experiment.hold + DEAD_MAN
        held: list[Injected] = []
        try:
            for hits in (experiment.given, experiment.hits):
                await self._inject(_faults(hits, status, number, seconds), held, struck.marks)
            for position, (hit, name) in enumerate(acts):
                struck.marks.append(Mark(time.time(), f"{hit.fault}: {name}"))
                await self._act(hit, name, last=position == len(acts) - 1)
            yield struck
        finally:
            struck.marks += [Mark(time.time(), "healed")] if held else []
            dark = {name for each in held if each.fault.kind in POWERLESS for name in each.machines}
            await asyncio.gather(*(self.chaos.heal(_without(each, dark)) for each in held))

    def away(self, experiment: Experiment, targets: tuple[str, ...]) -> tuple[str, ...]:
        """The machines that the experiment takes away, with whatever runs on them."""
        taken = any(hit.aim.machines and hit.fault in TAKEN for hit in experiment.hits)
        return tuple(name for name in targets if taken and name in self.blueprint.topology.machine_by_name)

    async def _inject(self, faults: Sequence[Fault], held: list[Injected], marks: list[Mark]) -> None:
        """All of them at once; those that came to be are noted also when others did not."""
        done = await asyncio.gather(*(self.chaos.inject(fault) for fault in faults), return_exceptions=True)
        made = [each for each in done if not isinstance(each, BaseException)]
        held += made
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure
        marks += [Mark(each.began, f"{each.fault.kind}: {', '.join(each.fault.targets)}") for each in made]

    async def _act(self, hit: Hit, member: str, *, last: bool) -> None:
        """`member` is a machine when that is what is lost: without power first, so that nobody is told good-bye."""
        if hit.fault == LOSE:
            await self.watch.provider.power_off(member)
            await self.watch.provider.destroy(member)
            return
        held = self.blueprint.topology.member_by_name[member]
        argv = self._argv(hit, member)
        connection = await self.watch.kept.connect(held.machine)
        done = await connection.run(argv, limit=ACT_LIMIT)
        if done.returncode != 0:
            why = (done.stderr.decode(errors="replace").strip().splitlines() or [f"it exited with {done.returncode}"])[
                -1
            ]
            raise OutlastError(Finding(member, f"it could not be asked to {hit.fault}", why, "see `outlast logs`"))
        if not last and await self.watch.again((member,), HEALTHY_LIMIT) is None:
            why = f"not everything was there again within {HEALTHY_LIMIT:g} s"
            raise OutlastError(Finding(member, "the next member was left alone", why, "see `outlast status`"))

    def _argv(self, hit: Hit, member: str) -> tuple[str, ...]:
        held = self.blueprint.topology.member_by_name[member]
        if hit.fault == SWITCH:
            return self.registry[held.component].switch
        return ("systemctl", "restart", main_unit(self.blueprint, member))


def _faults(hits: Iterable[Hit], status: Status, number: int, seconds: float) -> list[Fault]:
    """What is injected for them; acts are no faults."""
    return _merged(
        Fault(
            hit.fault,
            aimed(hit.aim, status, number),
            aimed(hit.others, status, number) if hit.others else (),
            seconds=seconds,
            parameters=hit.settings,
        )
        for hit in hits
        if hit.fault not in ACTS
    )


def _without(injected: Injected, dark: Collection[str]) -> Injected:
    """What is left to heal of it: a machine that had no power forgot what else it suffered."""
    if injected.fault.kind in POWERLESS:
        return injected
    return replace(injected, machines=tuple(name for name in injected.machines if name not in dark))


def _merged(faults: Iterable[Fault]) -> list[Fault]:
    """Faults of one kind with nobody on another side are one: everything loses its power at the same moment."""
    single: dict[tuple[object, ...], Fault] = {}
    between: list[Fault] = []
    for fault in faults:
        if fault.others:
            between.append(fault)
            continue
        key = (fault.kind, fault.parameters)
        before = single[key].targets if key in single else ()
        single[key] = replace(fault, targets=tuple(dict.fromkeys((*before, *fault.targets))))
    return [*single.values(), *between]
