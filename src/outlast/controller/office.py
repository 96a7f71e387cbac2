"""How an operator reaches what the controllers of a site agreed on: by SSH, through any machine that runs one.

etcd's own command asks there, with that controller's certificate: it has answered long before Python has imported what
a controller needs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.controller import ASSIGNMENT, Assignment
from outlast.controller.agreed import INTENT, Happening, Held, Keys, Range, happened, unpacked
from outlast.kernel.errors import Finding, Unreachable
from outlast.machines.kept import Connector

CONNECT_LIMIT = 3.0
# Until etcd has said that it has no majority, and until nobody on the machine says anything.
ETCD_LIMIT, ASK_LIMIT = 3.0, 10.0


@dataclass(frozen=True)
class Office:
    """The controllers as a blueprint has them."""

    blueprint: Blueprint
    connector: Connector

    async def intent(self) -> Blueprint | None:
        """What the site shall be; None when nothing was agreed on yet. Raises `Unreachable` without an answer."""
        found = await self._get(self._keys.of(INTENT))
        return unpacked(found[0].value) if found else None

    async def events(self, after: int = 0) -> tuple[Happening, ...]:
        """What happened after that number. Raises `Unreachable`."""
        _, end = self._keys.events
        return tuple(map(happened, await self._get(self._keys.event(after + 1), end)))

    @property
    def _keys(self) -> Keys:
        return Keys(self.blueprint.topology.site)

    @property
    def _desks(self) -> Iterator[tuple[str, Assignment]]:
        """Each machine with a controller, and what that one was told."""
        for bundle in self.blueprint.bundles:
            told = (file.content for held in bundle.parts for file in held.part.files if file.path == ASSIGNMENT)
            for text in told:
                yield bundle.machine, Assignment.model_validate_json(text)

    async def _get(self, *keys: str) -> tuple[Held, ...]:
        """What is held under one key, or from the first up to the second."""
        why: list[str] = []
        for name, assignment in self._desks:
            try:
                machine = await self.connector.connect(name, limit=CONNECT_LIMIT)
                try:
                    done = await machine.run((*_etcdctl(assignment), "get", *keys), limit=ASK_LIMIT)
                finally:
                    await machine.close()
            except Unreachable as error:
                why.append(f"{name}: {error.findings[0].why}")
                continue
            try:
                return Range.model_validate_json(done.stdout).kvs
            except ValidationError:
                lines = done.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
                why.append(f"{name}: {lines[-1]}")
        raise Unreachable(_nobody(why))


def _etcdctl(assignment: Assignment) -> tuple[str, ...]:
    return (
        "etcdctl",
        f"--endpoints={','.join(assignment.endpoints)}",
        f"--cacert={assignment.authority}",
        f"--cert={assignment.certificate}",
        f"--key={assignment.key}",
        "--dial-timeout=1s",
        f"--command-timeout={ETCD_LIMIT:g}s",
        "--write-out=json",
    )


def _nobody(why: Sequence[str]) -> Finding:
    fix = "see `outlast status`: the site serves without its controllers, and heals nothing meanwhile"
    return Finding("controllers", "none of them answers", "; ".join(why) or "the site has none", fix)
