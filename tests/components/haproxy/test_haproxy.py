from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from outlast.components.haproxy.component import COMPONENT
from outlast.components.haproxy.options import EdgeOptions
from outlast.components.haproxy.probe import EdgeState, Server, parse
from outlast.components.haproxy.render import STOP
from outlast.contract.bundle import Part
from outlast.contract.interface import Endpoint
from outlast.contract.probe import Health, Output
from outlast.contract.registry import discover
from outlast.contract.secret import Certificate, Kind, Reference, references
from tests.components.edge_views import backend, content, example, unit, view

CONFIG = "/etc/outlast/haproxy/haproxy.cfg"
WEB = (backend("web", 1, "/"), backend("web", 2, "/"))
API = (backend("api", 1, "/api", "/api/v2/", health="/up", port=9000),)


def render(*endpoints: Endpoint, **options: Any) -> Part:
    ports = (("https", 443), ("http", 80))
    return COMPONENT.render(view(COMPONENT, "edge", options=options, ports=ports, endpoints=endpoints))


def config(*endpoints: Endpoint, **options: Any) -> str:
    return content(render(*endpoints, **options), CONFIG)


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def test_the_longest_prefix_is_asked_first() -> None:
    routes = [line for line in lines(config(*WEB, *API)) if line.startswith("use_backend")]
    assert routes == [
        "use_backend outlast-any-api if dark-api { path_beg /api/v2/ }",
        "use_backend api if { path_beg /api/v2/ }",
        "use_backend outlast-any-api if dark-api { path /api } || dark-api { path_beg /api/ }",
        "use_backend api if { path /api } || { path_beg /api/ }",
        "use_backend outlast-any-web if dark-web { path_beg / }",
        "use_backend web if { path_beg / }",
    ]


def test_each_machine_of_an_app_is_a_server_named_by_its_member() -> None:
    text = config(*WEB, *API)
    assert "server east-web-1.a 10.0.0.13:8000" in text
    assert "server east-web-2.a 10.0.0.14:8000" in text
    assert "server east-api-1.a 10.0.0.13:9000" in text
    assert "uri /up ver HTTP/1.1 hdr host shop.test" in text


def test_an_edge_that_reaches_no_app_says_so() -> None:
    (rule,) = [line for line in lines(config(*WEB, *API)) if "status 503 content-type" in line]
    assert rule.endswith("if { path /.outlast/edge } { nbsrv(api) eq 0 } { nbsrv(web) eq 0 }")
    assert "status 503 content-type" not in config()


def test_a_site_without_an_app_has_an_edge_all_the_same() -> None:
    text = config()
    assert "default_backend outlast-nothing" in text
    assert "use_backend" not in text


def test_what_may_change_something_is_never_sent_twice() -> None:
    text = config(*WEB)
    assert "retry-on conn-failure empty-response" in lines(text)
    assert "http-request disable-l7-retry unless { method GET HEAD OPTIONS }" in lines(text)
    assert "option redispatch 1" in lines(text)


def test_what_clients_say_of_themselves_is_replaced() -> None:
    text = lines(config(*WEB))
    assert "http-request set-header x-forwarded-for %[src]" in text
    assert text.index("http-request del-header _ -m sub") < text.index(
        "http-request set-header x-forwarded-proto https"
    )


def test_options_are_used() -> None:
    text = config(*WEB, retries=1, timeouts={"connect": "50ms", "server": "2m"}, hsts=True, reuse=True)
    for line in ("retries 3", "timeout connect 50ms", "timeout server 120000ms", "http-reuse safe"):
        assert line in lines(text)
    assert "strict-transport-security" in text
    assert "strict-transport-security" not in config(*WEB)
    assert "option http-server-close" in lines(config(*WEB))


def test_the_certificate_names_every_way_in() -> None:
    part = render(*WEB)
    addresses = ("10.0.0.254", "10.0.0.253", "10.0.0.11", "10.0.0.12")
    assert part.certificates == (Certificate("edge-east", ("shop.test", "*.shop.test"), addresses),)
    pem = next(file for file in part.files if file.path.endswith("site.pem"))
    assert (pem.mode, pem.group) == (0o640, "haproxy")
    assert references(pem.content) == (Reference(Kind.CERTIFICATE, "edge-east"), Reference(Kind.KEY, "edge-east"))


def test_every_file_asks_for_a_reload_and_a_wrong_one_is_refused() -> None:
    part = render(*WEB)
    (service,) = part.services
    assert set(service.reload_on) == {file.path for file in part.files} - {STOP}
    assert service.restart_on == ()
    reloads = [line for line in service.unit.splitlines() if line.startswith("ExecReload=")]
    first, state, last = reloads
    assert (first, last) == (f"ExecReload=/usr/sbin/haproxy -c -q -f {CONFIG}", "ExecReload=/bin/kill -USR2 $MAINPID")
    assert "show servers state" in state


def test_the_slots_of_a_member_stand_side_by_side() -> None:
    other = [replace(each, interface="http-backend-b", port=8001) for each in WEB]
    text = config(*WEB, *other)
    names = [line.split()[1] for line in lines(text) if line.startswith("server east-web")]
    assert names[:4] == ["east-web-1.a", "east-web-1.b", "east-web-2.a", "east-web-2.b"]
    assert "server east-web-2.b 10.0.0.14:8001" in text


def test_it_runs_without_rights() -> None:
    text = unit(render(), "outlast-haproxy.service")
    assert "User=haproxy" in text
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in text


def test_error_pages_are_whole_answers() -> None:
    page = content(render(), "/etc/outlast/haproxy/503.http")
    head, body = page.split("\r\n\r\n", 1)
    assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
    assert "Retry-After: 3" in head
    assert "http" not in body.replace("http-equiv", "")


def test_the_example_is_valid_and_says_the_defaults() -> None:
    assert example(discover().example("haproxy"), COMPONENT) == EdgeOptions.model_validate({})


@pytest.mark.parametrize("wrong", [{"retries": 99}, {"timeouts": {"connect": 1}}, {"timeouts": {"connect": "1m"}}])
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EdgeOptions.model_validate(wrong)


def stat(*rows: tuple[str, str, str, int, int]) -> Output:
    """`show stat`, with the columns that count: proxy, server, status, requests, type."""
    head = "# pxname,svname,stot,status,type,"
    body = [f"{proxy},{server},{total},{status},{kind}," for proxy, server, status, total, kind in rows]
    return Output(0, "\n".join([head, *body, "", ""]), "")


def test_the_probe_counts_the_servers_of_each_app() -> None:
    report = parse(
        stat(
            ("outlast-nothing", "BACKEND", "UP", 0, 1),
            ("web", "east-web-1.a", "UP", 12, 2),
            ("web", "east-web-1.b", "DOWN", 0, 2),
            ("web", "east-web-2.a", "DOWN 1/2", 11, 2),
            ("web", "BACKEND", "UP", 23, 1),
            ("outlast-any-web", "east-web-1.a", "no check", 3, 2),
        )
    )
    assert report.health is Health.HEALTHY
    assert report.because == "sees 1 of 2 machines of web answer"
    assert report.state == EdgeState((Server("web", "east-web-1", True, 15), Server("web", "east-web-2", False, 11)))


def test_an_app_without_a_server_is_unhealthy() -> None:
    report = parse(stat(("api", "east-api-1.a", "UP", 1, 2), ("web", "east-web-1.b", "NOLB", 1, 2)))
    assert report.health is Health.UNHEALTHY
    assert report.because == "sees 1 of 1 machines of api, 0 of 1 machines of web answer"


def test_no_app_is_no_fault() -> None:
    assert parse(stat(("outlast-nothing", "BACKEND", "UP", 0, 1))).health is Health.HEALTHY


def test_silence_is_told_from_refusal() -> None:
    assert parse(Output(124, "", "")).health is Health.UNKNOWN
    refused = parse(Output(1, "", "[Errno 111] Connection refused\n"))
    assert (refused.health, refused.because) == (
        Health.UNHEALTHY,
        "does not answer on its socket: [Errno 111] Connection refused",
    )
