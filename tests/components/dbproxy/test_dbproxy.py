"""The way to the database: one member written to by all, and what a probe of it tells."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outlast.components.dbproxy.component import COMPONENT
from outlast.components.dbproxy.options import ProxyOptions
from outlast.components.dbproxy.probe import parse, probe
from outlast.contract.bundle import Part
from outlast.contract.identity import AUTHORITY
from outlast.contract.interface import Endpoint
from outlast.contract.probe import Health, Output, Primary
from outlast.contract.secret import references
from outlast.contract.view import NodeView, Peer

CONFIG = "/etc/outlast/dbproxy/haproxy.cfg"
WAITS = "/etc/outlast/dbproxy/entry.lua"
# Recorded from HAProxy 3.0.11; of its many columns, those that are read.
EMPTY = "# table: writer, type: integer, size:10, used:0\n\n"
ENTRY = (
    "# table: writer, type: integer, size:10, used:1\n"
    "0x7f85f6b71c90: key=1 use=0 exp=0 shard=0 server_id=2 server_key=east-galera-2\n\n"
)


def endpoint(interface: str, index: int, port: int, service: str = "database") -> Endpoint:
    name = f"east-{'galera' if service == 'database' else service}-{index}"
    kind = "data" if service == "database" else "app"
    return Endpoint(interface, service, name, f"east-{kind}-{index}", "east", f"10.0.0.{index}", port)


def view(*endpoints: Endpoint) -> NodeView[ProxyOptions]:
    return NodeView(
        site="shop",
        domain="shop.test",
        service="dbproxy",
        datacenter="east",
        member="east-dbproxy-1",
        index=1,
        machine="east-app-1",
        address="10.0.0.21",
        options=ProxyOptions(),
        peers=(
            Peer("east-dbproxy-1", 1, "east-app-1", "10.0.0.21"),
            Peer("east-dbproxy-2", 2, "east-app-2", "10.0.0.22"),
        ),
        ports=(("database", 3306), ("database-reader", 3307), ("dbproxy-peers", 10306)),
        endpoints=endpoints,
    )


def rendered() -> Part:
    members = [endpoint("mysql", i, 3306) for i in (1, 2, 3)]
    # Members whose health nobody tells are not used, in whatever order they come.
    health = [endpoint("mysql-health", i, 9306) for i in (3, 1)]
    return COMPONENT.render(view(*members, *health, endpoint("dbproxy-peers", 2, 10306, "dbproxy")))


def block(text: str, head: str) -> list[str]:
    """The lines of one section of the configuration, without comments."""
    after = text.split(f"\n{head}\n", 1)[1]
    lines = after.split("\n\n", 1)[0].splitlines()
    return [line.strip() for line in lines if not line.strip().startswith("#")]


def test_one_member_is_written_to_and_nobody_falls_back() -> None:
    text = rendered().files[0].content
    writer = block(text, "backend writer")
    assert "stick-table type integer size 10 nopurge peers proxies" in writer
    assert "stick on int(1)" in writer
    assert [line for line in writer if line.startswith("server ")] == [
        "server east-galera-1 10.0.0.1:3306 addr 10.0.0.1 port 9306 agent-addr 10.0.0.1 agent-port 9306",
        "server east-galera-3 10.0.0.3:3306 addr 10.0.0.3 port 9306 agent-addr 10.0.0.3 agent-port 9306",
    ]
    # The answer must come before the proxy gives the question up.
    assert r'default-server agent-check agent-inter 20ms agent-send "watch 0.16\r\n\r\n"' in writer
    # A `backup` is not asked while the first one is not known to be down.
    assert "balance first" in writer
    assert "on-marked-down shutdown-sessions" in text
    assert "on-marked-up" not in text


def test_who_does_not_know_yet_who_is_written_to_waits_for_it_and_nobody_else_does() -> None:
    config, waits = rendered().files[:2]
    assert f"lua-load-per-thread {waits.path}" in config.content
    asked = [line for line in block(config.content, "frontend database") if line.startswith("tcp-request")]
    assert asked == [
        "tcp-request inspect-delay 2s",
        "tcp-request content accept if { int(1),in_table(writer) }",
        "tcp-request content lua.entry",
    ]


def test_all_members_are_read_from() -> None:
    config = rendered().files[0].content
    reader = block(config, "listen reader")
    assert 'bind "${DATABASE_READER}"' in reader
    assert "presetenv DATABASE_READER 127.0.0.1:3307" in block(config, "global")
    assert [line.split()[1] for line in reader if line.startswith("server ")] == ["east-galera-1", "east-galera-3"]


IDENTITY = "/etc/outlast/dbproxy/east-dbproxy-1.pem"
VERIFIED = f"ssl crt {IDENTITY} ca-file /etc/outlast/authority.pem verify required"


def test_the_proxies_know_each_other() -> None:
    text = rendered().files[0].content
    assert "localpeer east-dbproxy-1" in text
    assert block(text, "peers proxies") == [
        f"bind 10.0.0.21:10306 {VERIFIED}",
        f"server east-dbproxy-1 {VERIFIED}",
        f"server east-dbproxy-2 10.0.0.2:10306 {VERIFIED}",
    ]


def test_a_change_is_a_reload_and_the_probe_knows_whose_primary_it_is() -> None:
    part = rendered()
    assert part.services[0].reload_on == (CONFIG, WAITS, IDENTITY, f"{IDENTITY}.key", AUTHORITY)
    assert part.services[0].restart_on == ()
    assert part.probe == probe("database")


def test_an_app_gets_both_addresses_with_its_own_password() -> None:
    variables = {v.name: v for provided in COMPONENT.provides(ProxyOptions(), 1) for v in provided.environment}
    place: dict[str, Any] = {"address": "127.0.0.1", "port": 3306, "site": "shop", "account": "web"}
    write = variables["DATABASE_URL"].value(**place)
    read = variables["DATABASE_READ_URL"].value(**place)
    assert [reference.name for reference in references(write)] == ["database/web"]
    assert (
        write.startswith("mysql://web:"),
        write.endswith("@127.0.0.1:3306/shop?ssl_ca=/etc/outlast/authority.pem"),
    ) == (True, True)
    assert (
        read.startswith("mysql://web_read:"),
        read.endswith("@127.0.0.1:3307/shop?ssl_ca=/etc/outlast/authority.pem"),
    ) == (True, True)


def servers(*up: str, readers: tuple[str, ...] | None = None) -> str:
    lines = ["# pxname,svname,status"]
    for backend, well in (("writer", up), ("reader", up if readers is None else readers)):
        for index in (1, 2, 3):
            name = f"east-galera-{index}"
            lines.append(f"{backend},{name},{'UP' if name in well else 'DOWN'}")
    return "\n".join(lines) + "\n"


def told(table: str, stat: str) -> Output:
    return Output(0, json.dumps({"service": "database", "table": table, "servers": stat}), "")


def test_writes_go_where_the_shared_entry_says() -> None:
    report = parse(told(ENTRY, servers("east-galera-1", "east-galera-2", "east-galera-3")))
    assert report.health is Health.HEALTHY
    assert report.role == "writes go to east-galera-2"
    assert report.primaries == (Primary("database", "east-galera-2"),)
    assert report.state is not None
    assert report.state.agreed


@pytest.mark.parametrize("table", [EMPTY, ENTRY])
def test_without_a_usable_entry_writes_would_go_to_the_first(table: str) -> None:
    report = parse(told(table, servers("east-galera-1", "east-galera-3")))
    assert report.role == "writes go to east-galera-1"
    assert report.state is not None
    assert not report.state.agreed


def test_without_members_it_is_unhealthy() -> None:
    assert parse(told(ENTRY, servers())).because.endswith("to write to")
    assert parse(told(ENTRY, servers("east-galera-1", readers=()))).because.endswith("to read from")
    assert parse(Output(0, '{"service": "database", "error": "no such file"}', "")).health is Health.UNHEALTHY


@pytest.mark.parametrize("output", [Output(124, "", ""), Output(2, "", "trouble"), Output(0, "nothing", "")])
def test_what_cannot_be_read_is_unknown(output: Output) -> None:
    assert parse(output).health is Health.UNKNOWN
