"""What an operator is told of what was agreed on, with a real etcd and its own command on this computer."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest

from outlast.blueprint.blueprint import Blueprint
from outlast.contract.bundle import Bundle, File, MemberPart, Part
from outlast.contract.controller import ASSIGNMENT, Assignment
from outlast.controller.agreed import Happening
from outlast.controller.agreement import Agreement
from outlast.controller.office import Office
from outlast.kernel.errors import Finding, Unreachable
from outlast.kernel.events import Event, Phase
from outlast.machines.machine import Machine, Result
from outlast.topology.topology import Topology
from tests.controller.etcd import Server, served

# It needs an etcd, which only `make test` installs.
pytestmark = [pytest.mark.lab, pytest.mark.beside]

EMPTY = Blueprint(1, 0, Topology("shop", "shop.test", (), (), (), ()), (), (), ())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    with served(tmp_path_factory.mktemp("etcd")) as running:
        yield running


@dataclass(frozen=True)
class Here:
    """This computer as each machine that is asked for, but `silent` ones. Nothing else of a machine is needed."""

    silent: tuple[str, ...] = ()

    async def connect(self, name: str, *, limit: float = 5.0) -> Machine:
        if name in self.silent:
            raise Unreachable(Finding(name, "no answer", f"it was silent for {limit:g} s", "start it"))
        return cast(Any, self)

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> Result:
        process = await asyncio.create_subprocess_exec(*argv, stdin=-1, stdout=-1, stderr=-1)
        async with asyncio.timeout(limit):
            out, err = await process.communicate(stdin)
        return Result(process.returncode or 0, out, err)

    async def close(self) -> None:
        """There is nothing to close."""


def site(name: str, server: Server, url: str = "") -> Blueprint:
    """A site of this name with controllers on two machines."""
    files = (server.credentials.authority, server.credentials.certificate, server.credentials.key)
    told = Assignment(
        site=name,
        datacenter="east",
        member="east-controller-1",
        machine="east-data-1",
        endpoints=(url or server.url,),
        **dict(zip(("authority", "certificate", "key"), map(str, files), strict=True)),
    )
    part = Part(files=(File(ASSIGNMENT, told.model_dump_json()),))
    bundles = tuple(Bundle(machine, (MemberPart("", part),)) for machine in ("east-data-1", "east-data-2"))
    return replace(EMPTY, topology=replace(EMPTY.topology, site=name), bundles=bundles)


def happening(number: int) -> Happening:
    return Happening(float(number), "east-controller-1", Event("east-app-1", Phase.DONE, f"started it, {number}"))


async def test_an_operator_is_told_what_was_agreed_on(server: Server) -> None:
    blueprint = site("agreed", server)
    office = Office(blueprint, Here(silent=("east-data-1",)))
    assert await office.intent() is None
    assert await office.events() == ()
    async with Agreement("agreed", [server.url], server.credentials) as agreement:
        await agreement.intend(blueprint, expected=0)
        kept = [await agreement.append(happening(number)) for number in range(3)]
    async with Agreement("another", [server.url], server.credentials) as agreement:
        await agreement.append(happening(99))
    assert await office.intent() == blueprint
    assert await office.events() == tuple(kept)
    assert await office.events(after=kept[1].number) == (kept[2],)


async def test_who_gets_no_answer_is_told_why(server: Server, tmp_path: Path) -> None:
    with pytest.raises(Unreachable) as silent:
        await Office(site("x", server), Here(silent=("east-data-1", "east-data-2"))).events()
    assert silent.value.findings[0].why.count("it was silent for") == 2
    with pytest.raises(Unreachable) as unserved:
        await Office(site("x", server, url="https://127.0.0.1:1"), Here()).intent()
    assert "east-data-2: " in unserved.value.findings[0].why
    stranger = replace(server, credentials=replace(server.credentials, key=tmp_path / "none"))
    with pytest.raises(Unreachable) as unknown:
        await Office(site("x", stranger), Here()).intent()
    assert "no such file" in unknown.value.findings[0].why.lower()
