"""Connections that are kept: one for each machine, never again one that gave no answer, tried first where asked."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from outlast.kernel.errors import Finding, Unreachable
from outlast.machines.kept import Kept
from outlast.machines.machine import Machine, Result


async def others_first() -> None:
    """Let everybody else who could run now run first: answers take time."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    loop.call_soon(done.set_result, None)
    await done


@dataclass
class Wire:
    """A connection that works until it is cut."""

    name: str
    cut: bool = False
    closed: bool = False
    ran: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    async def run(self, argv: list[str], **_: object) -> Result:
        await others_first()
        self.ran.append(tuple(argv))
        if self.cut:
            raise Unreachable(Finding(self.name, "no answer", "it was cut", "mend it"))
        return Result(0, b"", b"")

    async def close(self) -> None:
        self.closed = True


@dataclass
class Switchboard:
    made: list[Wire] = field(default_factory=list[Wire])

    async def connect(self, name: str, **_: object) -> Machine:
        await others_first()
        self.made.append(Wire(name))
        return cast(Machine, cast(Any, self.made[-1]))


async def _kept_by_all_who_ask() -> None:
    board = Switchboard()
    kept = Kept(board)
    lent = await asyncio.gather(*(kept.connect("a") for _ in range(5)), kept.connect("b"))
    await asyncio.gather(*(machine.close() for machine in lent))
    assert [wire.name for wire in board.made] == ["a", "b"]
    assert not any(wire.closed for wire in board.made)
    await kept.close()
    assert all(wire.closed for wire in board.made)


def test_one_connection_for_all_who_ask_closed_at_the_end() -> None:
    asyncio.run(_kept_by_all_who_ask())


async def _never_again() -> None:
    board = Switchboard()
    kept = Kept(board)
    lent = await kept.connect("a")
    board.made[0].cut = True
    with pytest.raises(Unreachable):
        await lent.run(["uptime"])
    await (await kept.connect("a")).run(["uptime"])
    assert [wire.cut for wire in board.made] == [True, False]
    # The late word of one who still held the old one does not cost the new one.
    with pytest.raises(Unreachable):
        await lent.run(["uptime"])
    await kept.connect("a")
    assert len(board.made) == 2
    kept.forget(["a", "nobody"])
    await kept.connect("a")
    assert len(board.made) == 3
    await kept.close()
    assert all(wire.closed for wire in board.made)


def test_what_gave_no_answer_once_is_never_used_again() -> None:
    asyncio.run(_never_again())


@pytest.mark.parametrize(("tried", "made"), [(None, 1), (0.5, 2)])
def test_a_kept_one_is_tried_first_where_that_is_asked(tried: float | None, made: int) -> None:
    async def again() -> int:
        board = Switchboard()
        kept = Kept(board, tried=tried)
        await kept.connect("a")
        board.made[0].cut = True
        await kept.connect("a")
        assert (("true",) in board.made[0].ran) == (tried is not None)
        return len(board.made)

    assert asyncio.run(again()) == made
