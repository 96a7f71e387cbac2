"""What makes a server unfit, judged from what it says of itself."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import asyncssh
import pytest

from outlast.machines.ssh.keys import unusable
from outlast.machines.ssh.record import Record, Server
from outlast.machines.ssh.scripts import SURVEY
from outlast.machines.ssh.survey import Marker, Survey, read, refusals

ADDRESS = IPv4Address("10.0.0.11")
GOOD = Survey(
    system="debian 13",
    title="Debian GNU/Linux 13 (trixie)",
    is_root=True,
    has_systemd=True,
    memory=2000,
    room=20000,
    lookup=0.01,
    identity="a1",
    addresses=("10.0.0.11", "fd00::2"),
    marker=None,
    listening=frozenset({22}),
    data=(),
)
OTHER = Marker("blog", "1111", "east-app-1")
OWN = Marker("shop", "abcd", "east-edge-1")


def refused(**changes: object) -> list[str]:
    seen = replace(GOOD, **changes)
    found = list(refusals("server 10.0.0.11", ADDRESS, seen, "shop", "abcd"))
    assert all(f.where and f.why and f.fix for f in found)
    return [f.what for f in found]


def test_a_bare_server_is_fit_and_so_is_our_own() -> None:
    assert refused() == []
    assert refused(marker=OWN, data=("/var/lib/mysql",), room=500) == []


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"is_root": False}, "the login is not root, and not by sudo either"),
        ({"system": "debian 12", "title": "Debian GNU/Linux 12"}, "it runs Debian GNU/Linux 12"),
        ({"has_systemd": False}, "systemd does not run there"),
        ({"marker": OTHER}, "it belongs to the site blog"),
        ({"marker": replace(OWN, identity="9")}, "it belongs to the site shop of another folder"),
        ({"data": ("/var/lib/mysql",)}, "it is in use"),
        ({"addresses": ("192.0.2.1",)}, "10.0.0.11 is not its own address"),
        ({"memory": 512}, "it has too little memory"),
        ({"room": 900}, "its disk is too full"),
    ],
)
def test_what_is_unfit_is_said(changes: dict[str, object], what: str) -> None:
    (only,) = refused(**changes)
    assert only.startswith(what)


def test_everything_is_said_at_once() -> None:
    assert len(refused(is_root=False, system="ubuntu 24.04", memory=10, room=10, data=("/var/lib/etcd",))) == 5


def test_this_box_can_be_looked_at() -> None:
    done = subprocess.run(["sh", "-c", SURVEY], capture_output=True, text=True, check=True)
    seen = read(done.stdout)
    assert seen.title
    assert seen.memory > 0
    assert seen.room > 0
    assert seen.marker is None


@pytest.mark.parametrize("text", ["{", "[]", '{"site": "a"}', "null"])
def test_a_marker_that_cannot_be_read_belongs_to_somebody(text: str) -> None:
    marker = Marker.of(text)
    assert marker is not None
    assert marker.identity == ""
    assert Marker.of("") is None
    assert Marker.of(OWN.text) == OWN


def server(key: Path) -> Server:
    return Server("east", ADDRESS, "root", key, 22)


def test_a_site_remembers_its_machines(tmp_path: Path) -> None:
    record = Record(tmp_path)
    assert (record.identity, record.machines()) == ("", {})
    identity = record.claim()
    record.keep("east-app-1", server(tmp_path / "key"), ["curl"])
    again = Record(tmp_path)
    assert (again.identity, again.claim()) == (identity, identity)
    assert again.machines() == {"east-app-1": server(tmp_path / "key")}
    assert again.packages("east-app-1") == {"curl"}
    again.forget("east-app-1")
    assert (record.machines(), record.packages("east-app-1")) == ({}, frozenset())


def test_keys_that_cannot_be_used(tmp_path: Path) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType]
    paths = {name: tmp_path / name for name in ("good", "open", "locked", "public", "missing")}
    for name, content in (
        ("good", key.export_private_key()),
        ("open", key.export_private_key()),
        ("locked", key.export_private_key("pkcs8-pem", passphrase="secret")),
        ("public", key.export_public_key()),
    ):
        paths[name].write_bytes(content)
        paths[name].chmod(0o644 if name == "open" else 0o600)
    found = {Path(f.where).name: f.what for f in unusable([*paths.values(), *paths.values()])}
    assert found == {
        "open": "the key is no secret",
        "locked": "the key cannot be used",
        "public": "the key cannot be used",
        "missing": "the key is not there",
    }
