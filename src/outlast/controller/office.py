"""How an operator reaches what the controllers of a site agreed on: by SSH, through any machine that runs one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from outlast.blueprint.blueprint import Blueprint, parse
from outlast.contract.controller import ASSIGNMENT
from outlast.contract.registry import Registry
from outlast.controller.agreement import HAPPENING, Happening
from outlast.controller.clerk import EVENTS, MODULE, READ
from outlast.kernel.errors import Finding, Unreachable
from outlast.machines.provider import Provider

CONNECT_LIMIT = 3.0
ASK_LIMIT = 20.0


@dataclass(frozen=True)
class Office:
    """The controllers as a blueprint has them."""

    blueprint: Blueprint
    registry: Registry
    provider: Provider

    async def intent(self) -> Blueprint | None:
        """What the site shall be; None when nothing was agreed on yet. Raises `Unreachable` without an answer."""
        text = (await self._ask(READ)).strip()
        return parse(text, "the agreed intent") if text else None

    async def events(self, after: int = 0) -> tuple[Happening, ...]:
        """What happened after that number. Raises `Unreachable`."""
        return tuple(HAPPENING.validate_json(line) for line in (await self._ask(EVENTS, str(after))).splitlines())

    @property
    def _desks(self) -> list[tuple[str, str]]:
        """Each machine with a controller, and the folder of its release there."""
        found: list[tuple[str, str]] = []
        for member in self.blueprint.topology.members:
            part = self.blueprint.bundle_by_machine[member.machine].part(member.name)
            if self.registry[member.component].governs and part.artifacts:
                found.append((member.machine, part.artifacts[0].path))
        return found

    async def _ask(self, *question: str) -> bytes:
        why: list[str] = []
        for name, release in self._desks:
            argv = (f"{release}/.venv/bin/python", "-m", MODULE, ASSIGNMENT, *question)
            try:
                machine = await self.provider.connect(name, limit=CONNECT_LIMIT)
            except Unreachable as error:
                why.append(f"{name}: {error.findings[0].why}")
                continue
            try:
                done = await machine.run(argv, limit=ASK_LIMIT)
            except Unreachable as error:
                why.append(f"{name}: {error.findings[0].why}")
                continue
            finally:
                await machine.close()
            if done.returncode == 0:
                return done.stdout
            lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
            why.append(f"{name}: {lines[-1]}")
        raise Unreachable(_nobody(why))


def _nobody(why: Sequence[str]) -> Finding:
    fix = "see `outlast status`: the site serves without its controllers, and heals nothing meanwhile"
    return Finding("controllers", "none of them answers", "; ".join(why) or "the site has none", fix)
