"""The gauge reads what HAProxy 3.0.11 itself answered (`stat.csv`): two apps, one of them without a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from outlast.components.haproxy.component import COMPONENT
from outlast.components.haproxy.gauge import parse
from outlast.components.haproxy.probe import SOCKET
from outlast.contract.gauge import Load
from tests.components.edge_views import backend, content, view

TEXT = Path(__file__).with_name("stat.csv").read_text(encoding="utf-8")


def stat(*rows: tuple[str, int, int, int, int, int]) -> str:
    """Backends by name, with requests under way, in the last second and in all, milliseconds, servers that are up."""
    head = "# pxname,svname,qcur,scur,stot,act,bck,rate,qtime,ctime,rtime,"
    body = [f"{n},BACKEND,0,{busy},{total},{up},0,{rate},1,2,{ms}," for n, busy, rate, total, ms, up in rows]
    return "\n".join([head, *body, "", ""])


def test_requests_that_wait_are_counted_once() -> None:
    # Four requests had come when it was asked: two were being answered, and two waited for them.
    web, api = parse(TEXT)
    assert web == Load("web", busy=4, rate=5, mean=0.154, servers=1)
    assert api == Load("api", busy=0, rate=1, mean=0.151, servers=0)


def test_what_the_fallback_serves_belongs_to_its_app() -> None:
    text = stat(("web", 3, 1, 50, 97, 2), ("outlast-any-web", 2, 3, 9, 197, 2), ("outlast-nothing", 1, 1, 1, 1, 0))
    assert [(load.busy, load.rate, round(load.mean or 0, 6), load.servers) for load in parse(text)] == [
        (5, 4, 0.175, 2)
    ]


def test_the_average_is_of_what_is_served_now() -> None:
    (now,) = parse(stat(("web", 0, 2, 10, 97, 1), ("outlast-any-web", 0, 0, 900, 997, 1)))
    assert now.mean == 0.1
    (idle,) = parse(stat(("web", 0, 0, 10, 97, 1), ("outlast-any-web", 0, 0, 0, 0, 1)))
    assert idle.mean == 0.1
    (new,) = parse(stat(("web", 0, 0, 0, 0, 1), ("outlast-any-web", 0, 0, 0, 0, 1)))
    assert new.mean is None


ODD = TEXT.replace(",999,10,", ",999,ten,")


@pytest.mark.parametrize("text", ["", "Unknown command\n", "# pxname,scur\nweb,1\n\n", ODD, TEXT[:-1000]])
def test_anything_else_is_no_load(text: str) -> None:
    with pytest.raises((ValueError, IndexError)):
        parse(text)


def test_it_asks_where_the_edge_listens() -> None:
    ports = (("https", 443), ("http", 80))
    part = COMPONENT.render(view(COMPONENT, "edge", options={}, ports=ports, endpoints=(backend("web", 1, "/"),)))
    assert COMPONENT.gauge is not None
    assert COMPONENT.gauge.socket == SOCKET
    config = content(part, "/etc/outlast/haproxy/haproxy.cfg")
    assert f"stats socket {COMPONENT.gauge.socket} " in config
    assert {"backend web", "backend outlast-any-web"} <= set(config.splitlines())
