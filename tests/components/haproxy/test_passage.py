from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from outlast.components.haproxy.passage import admit, parse, seat_of, server_name, steer
from outlast.contract.passage import Seat
from outlast.contract.probe import Output
from outlast.contract.slot import Slot

ONE, OTHER = Seat("web", "east-web-1", Slot.A), Seat("web", "east-web-1", Slot.B)
HEAD = "# pxname,svname,type,status,weight,scur,qcur,stot,hrsp_5xx,eresp,rtime"


def said(*rows: str) -> Output:
    return Output(0, "\n".join(["", "", HEAD, *rows, "", ""]), "")


def test_weights_are_set_before_the_counters_are_read() -> None:
    commands = steer({ONE: 0.0, OTHER: 0.4})[-1].split("; ")
    assert commands == [
        "set server web/east-web-1.a weight 0",
        "set server web/east-web-1.b weight 40",
        "show stat -1 4 -1",
    ]


def test_a_share_is_never_rounded_to_nothing_nor_beyond_what_there_is() -> None:
    assert "weight 1;" in steer({ONE: 0.0001})[-1]
    assert "weight 256;" in steer({ONE: 9.0})[-1]


def test_the_counters_are_read_by_seat() -> None:
    found = parse(
        said(
            "web,east-web-1.a,2,UP,100,2,1,500,3,1,40",
            "web,east-web-1.b,2,DOWN,0,0,0,0,0,0,0",
            "web,BACKEND,1,UP,100,2,0,500,3,1,40",
            "outlast-any-web,east-web-1.a,2,no check,1,0,0,9,0,0,1",
        )
    )
    assert set(found) == {ONE, OTHER}
    one = found[ONE]
    assert (one.up, one.busy, one.requests, one.errors, one.mean) == (True, 3, 500, 4, 0.04)
    assert not found[OTHER].up


def test_what_the_edge_says_of_an_unknown_server_is_no_error() -> None:
    assert parse(Output(0, f"No such server.\n\n{HEAD}\nweb,east-web-1.a,2,UP,100,0,0,0,0,0,0\n", ""))


@pytest.mark.parametrize("output", [Output(1, "", "refused"), Output(0, "Unknown command\n", "")])
def test_no_answer_is_no_reading(output: Output) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(output)


@pytest.mark.parametrize("slot", Slot)
def test_a_seat_is_known_by_its_server(slot: Slot) -> None:
    assert seat_of("web", server_name("east-web-1", slot)) == Seat("web", "east-web-1", slot)


CONFIG = """
backend web
    # Requests in turn.
    default-server check inter 500ms weight 100
    server east-web-1.a 10.0.0.11:24689
    server east-web-1.b 10.0.0.11:24690

backend outlast-any-web
    server east-web-1.a 10.0.0.11:24689
"""


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("seats", "told"),
    [
        (
            [ONE],
            "add server web/east-web-1.a 10.0.0.11:24689 check inter 500ms weight 100; "
            "enable health web/east-web-1.a; enable server web/east-web-1.a\n",
        ),
        # Whose configuration does not know it yet says nothing.
        ([Seat("web", "east-web-2", Slot.A)], None),
    ],
)
async def test_a_new_seat_is_taken_in_as_the_configuration_says_it(
    tmp_path: Path, seats: list[Seat], told: str | None
) -> None:
    (tmp_path / "haproxy.cfg").write_text(CONFIG)
    heard: list[str] = []

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append((await reader.readline()).decode())
        writer.close()

    async with await asyncio.start_unix_server(hear, tmp_path / "socket"):
        argv = admit(seats, str(tmp_path / "haproxy.cfg"), str(tmp_path / "socket"))
        assert await (await asyncio.create_subprocess_exec(*argv)).wait() == 0
    assert heard == ([told] if told else [])
