"""What stands on the machine of a member, and on that of an arbiter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from outlast.components.galera.component import COMPONENT
from outlast.contract.bundle import Part
from outlast.contract.secret import Kind, references
from tests.components.galera.views import content, view

CONFIG = "/etc/outlast/galera/my.cnf"


def part(index: int = 1, **options: Any) -> Part:
    return COMPONENT.render(view(index, **options))


def setting(text: str, name: str) -> str:
    lines = [line for line in text.splitlines() if line.startswith(f"{name} = ")]
    assert len(lines) == 1, name
    return lines[0].partition(" = ")[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("innodb_flush_log_at_trx_commit", "1"),
        ("sync_binlog", "1"),
        ("innodb_snapshot_isolation", "ON"),
        ("innodb_doublewrite", "ON"),
        ("bind-address", "10.0.0.11"),
        ("wsrep_node_name", "east-galera-1"),
        ("wsrep_cluster_name", "shop-east"),
        ("max_connections", "512"),
    ],
)
def test_settings_that_must_not_change_by_accident(name: str, value: str) -> None:
    assert setting(content(part(), CONFIG), name) == value


def test_all_members_have_the_same_timers() -> None:
    found: set[tuple[str, ...]] = set()
    for index in (1, 2):
        provider = setting(content(part(index, members=2), CONFIG), "wsrep_provider_options").strip('"')
        found.add(tuple(option for option in provider.split(";") if option.startswith("evs.")))
    arbiter = setting(content(part(3, members=2), "/etc/outlast/galera/garbd.cfg"), "options")
    found.add(tuple(option for option in arbiter.split(";") if option.startswith("evs.")))
    assert len(found) == 1
    assert "evs.suspect_timeout=PT0.4S" in found.pop()


def test_an_arbiter_has_a_vote_and_no_data() -> None:
    rendered = part(3, members=2)
    assert [service.name for service in rendered.services] == ["outlast-galera-arbiter.service"]
    assert (
        setting(content(rendered, "/etc/outlast/galera/garbd.cfg"), "address")
        == "gcomm://10.0.0.11:4567,10.0.0.12:4567"
    )
    assert [p.interface for p in COMPONENT.provides(view(members=2).options, 3)] == ["galera-group"]


def test_growth_restarts_nobody() -> None:
    before, after = part(1, members=3), part(1, members=5)
    for old, new in zip(before.services, after.services, strict=True):
        assert old == new
        for path in new.restart_on:
            assert content(before, path) == content(after, path)


def test_a_copy_comes_from_whoever_is_least_likely_written_to() -> None:
    assert json.loads(content(part(), "/etc/outlast/galera/member.json"))["donors"] == [
        "east-galera-3",
        "east-galera-2",
    ]


def test_passwords_are_markers_in_a_file_for_root_only() -> None:
    rendered = COMPONENT.render(view(clients=("web", "worker")))
    accounts = next(file for file in rendered.files if file.path.endswith("accounts.json"))
    assert (accounts.mode, accounts.owner) == (0o600, "root")
    found = [(reference.kind, reference.name) for reference in references(accounts.content)]
    names = ("database/web", "database/worker")
    assert found == [(kind, name) for name in names for kind in (Kind.PASSWORD, Kind.OTHER)]
    assert json.loads(accounts.content)["schema"] == "shop"
    others = {r.kind for file in rendered.files if file is not accounts for r in references(file.content)}
    assert others == {Kind.CERTIFICATE, Kind.KEY}


def test_a_key_is_for_its_engine_only() -> None:
    for index, owner in ((1, "mysql"), (3, "root")):
        rendered = COMPONENT.render(view(index=index, members=2))
        (held,) = (file for file in rendered.files if [r.kind for r in references(file.content)] == [Kind.KEY])
        assert (held.mode, held.owner) == (0o600, owner)
        # The database reads it anew while it runs; the arbiter starts anew, which nobody notices.
        health = rendered.services[1] if index == 1 else None
        assert held.path in (health.reload_on if health else rendered.services[0].restart_on)
        assert health is None or held.path not in rendered.services[0].restart_on
        assert rendered.certificates[0].addresses[0] == f"10.0.0.1{index}"


def test_nothing_is_said_in_clear() -> None:
    config = content(part(), "/etc/outlast/galera/my.cnf")
    for line in ("require_secure_transport = ON", "ssl_ca = /etc/outlast/authority.pem", "ssl-mode = VERIFY_CA"):
        assert line in config.splitlines()
    for text in (config, content(COMPONENT.render(view(index=3, members=2)), "/etc/outlast/galera/garbd.cfg")):
        assert "gmcast.listen_addr=ssl://" in text
        assert "socket.ssl=YES" in text


def test_a_new_password_restarts_nothing() -> None:
    rendered = part()
    assert not [s for s in rendered.services if "/etc/outlast/galera/accounts.json" in (*s.restart_on, *s.reload_on)]


def test_programs_are_python() -> None:
    for file in part().files:
        if file.path.endswith(".py"):
            compile(file.content, file.path, "exec")
