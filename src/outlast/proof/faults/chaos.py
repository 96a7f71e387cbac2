"""Inflicts faults on a running site and takes them back. It decides nothing: whoever calls chose the fault.

Nothing here has to live for a fault to go away: units on machines end by themselves (see `piece`), and power comes back
by a guardian's hand (see `guard`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import IPv4Address
from pathlib import Path
from secrets import token_hex
from typing import Self, TypeVar

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.registry import Registry
from outlast.controller.store import own_folder
from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.machines import provider as provided
from outlast.machines.provider import Provider
from outlast.proof.faults import block, guard, guardian
from outlast.proof.faults.ailments import kinds
from outlast.proof.faults.catalogue import REBOOT, Kind
from outlast.proof.faults.fault import Fault, Injected
from outlast.proof.faults.hands import Hands
from outlast.proof.faults.offer import refuse
from outlast.proof.faults.piece import PREFIX, Piece, command, unit_name
from outlast.topology.topology import Machine

EVERY = f"{PREFIX}*"
T = TypeVar("T")


class Chaos:
    """The faults of one site: of the file at `site_file`, or of that `environment` of it. The site's own folder beside
    the file remembers what is off.

    Use it as `async with`: connections to machines are kept until then.
    """

    def __init__(
        self, blueprint: Blueprint, provider: Provider, registry: Registry, site_file: Path, environment: str = ""
    ) -> None:
        self._blueprint = blueprint
        self._provider = provider
        self._registry = registry
        self._kinds = kinds(registry)
        self._site_file = site_file
        self._environment = environment
        self._state = site_file.resolve().parent / own_folder(environment)
        self._hands = Hands(provider)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._hands.close()

    def follow(self, blueprint: Blueprint) -> None:
        """The site has become this one."""
        self._blueprint = blueprint

    def allow(self, fault: Fault) -> None:
        """Raises `Invalid` for a fault that this site cannot have, `OutlastError` when faults are off."""
        refuse(fault, self._blueprint, self._registry, self._provider.faults)
        block.refuse(self._state)

    async def inject(self, fault: Fault) -> Injected:
        """Inflict a fault; returns once it holds. What was begun is taken back when it cannot be finished.

        Raises `Invalid` for a fault that this site cannot have, `OutlastError` when it fails or faults are off.
        """
        self.allow(fault)
        kind = self._kinds[fault.kind]
        name = f"{kind.name}-{token_hex(3)}"
        if self._is_power(kind):
            return await self._take_power(name, fault, again=kind is REBOOT)
        return await self._start(name, kind, fault)

    async def heal(self, injected: Injected) -> float:
        """Take a fault back; answers when everything was undone. One that went away by itself is no error."""
        if self._is_power(self._kinds[injected.fault.kind]):
            await guard.restore(self._provider, self._word(injected.name))
        else:
            await _all(self._hands.stop(machine, [_units(injected.name)]) for machine in injected.machines)
        return time.time()

    async def off(self) -> tuple[str, ...]:
        """Take back every fault of this site, whoever inflicted it, and let none begin until `on`.

        Answers the names of what was taken back. Machines that give no answer are raised, after all others are done.
        """
        block.put(self._state)
        machines = list(self._blueprint.bundle_by_machine)
        words = guard.pending(self._state)
        power = await asyncio.gather(*(guard.restore(self._provider, word) for word in words), return_exceptions=True)
        # Power first: a machine without it answers nobody.
        stopped = await asyncio.gather(*(self._calm(machine) for machine in machines), return_exceptions=True)
        _raise([*power, *stopped])
        units = {unit for found in stopped if not isinstance(found, BaseException) for unit in found}
        return tuple(sorted({*(word.stem for word in words), *map(_fault_of, units)}))

    async def on(self) -> None:
        """Let faults begin again."""
        await _all(self._hands.block(machine, on=True) for machine in self._blueprint.bundle_by_machine)
        block.lift(self._state)

    async def _calm(self, machine: str) -> tuple[str, ...]:
        try:
            # The block first: what begins after it was looked for is refused.
            await self._hands.block(machine, on=False)
            return await self._hands.stop(machine, [EVERY])
        except Unreachable as error:
            raise Unreachable(_not_calmed(machine, error.findings[0].why)) from None

    def _is_power(self, kind: Kind) -> bool:
        return kind.compose is None or (kind is REBOOT and provided.Fault.POWER_OFF in self._provider.faults)

    async def _start(self, name: str, kind: Kind, fault: Fault) -> Injected:
        topology, compose = self._blueprint.topology, kind.compose
        assert compose is not None
        surveys = {}
        if kind.surveyed:
            asked = [topology.machine_by_name[machine] for machine in (*fault.targets, *fault.others)]
            found = await _all(self._hands.survey(machine.name, machine.address) for machine in asked)
            surveys = dict(zip((machine.name for machine in asked), found, strict=True))
        pieces = compose(name, fault, self._blueprint, surveys)
        work = _by_machine(name, pieces, fault.seconds)
        # Connected first, so that all of them begin together.
        await _all(self._hands.reach(machine) for machine in work)
        async with _undone(lambda: _all(self._hands.stop(machine, [_units(name)]) for machine in work)):
            held = await _all(self._hands.start(machine, commands) for machine, commands in work.items())
        first, last = min(first for first, _ in held), max(last for _, last in held)
        return Injected(name, fault, tuple(work), first, last)

    async def _take_power(self, name: str, fault: Fault, *, again: bool) -> Injected:
        known = self._blueprint.topology.machine_by_name
        word = self._word(name)
        guard.keep(word, guard.Guarded(tuple(_order(known[machine]) for machine in fault.targets), fault.seconds))
        async with _undone(lambda: guard.restore(self._provider, word)):
            await guardian.post(self._site_file, self._environment, word)
            at = time.time()
            await _all(self._provider.power_off(machine) for machine in fault.targets)
            if again:
                await guard.restore(self._provider, word)
        for machine in fault.targets:
            self._hands.forget(machine)
        return Injected(name, fault, fault.targets, at, at)

    def _word(self, name: str) -> Path:
        return guard.folder(self._state) / f"{name}.json"


def _by_machine(name: str, pieces: Sequence[tuple[str, Piece]], seconds: float) -> dict[str, list[dict[str, object]]]:
    """What each machine is asked to start."""
    work: dict[str, list[dict[str, object]]] = {}
    for number, (machine, piece) in enumerate(pieces, 1):
        unit = unit_name(name, number)
        commands = piece.inject if piece.once else (command(unit, piece, seconds),)
        work.setdefault(machine, []).extend({"unit": unit, "command": argv} for argv in commands)
    return work


def _units(name: str) -> str:
    return f"{PREFIX}{name}-*"


def _fault_of(unit: str) -> str:
    """The fault whose piece a unit is."""
    return unit.removeprefix(PREFIX).rpartition("-")[0]


def _not_calmed(machine: str, why: str) -> Finding:
    fix = "each goes away by itself when its time is up; run `outlast chaos off` again when the machine answers"
    return Finding(machine, "its faults may still hold", why, fix)


def _order(machine: Machine) -> provided.Order:
    return provided.Order(machine.name, machine.datacenter, IPv4Address(machine.address))


@asynccontextmanager
async def _undone(undo: Callable[[], Awaitable[object]]) -> AsyncGenerator[None]:
    """Take back what was begun when it comes to no good end, also when we are interrupted: it would go away by itself,
    but later."""
    whole = False
    try:
        yield
        whole = True
    finally:
        if not whole:
            with suppress(OutlastError):
                await undo()


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """All of it at once, to the end, and then everything that went wrong."""
    results = await asyncio.gather(*work, return_exceptions=True)
    _raise(results)
    return [result for result in results if not isinstance(result, BaseException)]


def _raise(results: Sequence[object]) -> None:
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, OutlastError):
            raise result
    findings = [finding for result in results if isinstance(result, OutlastError) for finding in result.findings]
    if findings:
        raise OutlastError(*findings)
