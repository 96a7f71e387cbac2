"""The programs on the machine: what they conclude from what they see, without a machine."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.components.galera.members import HISTORY
from tests.components.galera.views import program

GRASTATE = "# GALERA saved state\nversion: 2.1\nuuid:    {uuid}\nseqno:   {seqno}\nsafe_to_bootstrap: 0\n"
NO_HISTORY = "00000000-0000-0000-0000-000000000000"
WELL = {
    "wsrep_ready": "ON",
    "wsrep_cluster_status": "Primary",
    "wsrep_local_state": "4",
    "wsrep_local_state_comment": "Synced",
    "wsrep_local_recv_queue": "0",
}


def roomy(health: Any, left: int = 10**12) -> Any:
    """Room for the data, or so many bytes of it."""
    space = health.room.Room(lambda: left, list, lambda: None)
    space.step(0.0)
    return space


@pytest.fixture
def cluster(tmp_path: Path) -> Any:
    module = program("cluster")
    module.DATA, module.FRESH, module.REQUEST = tmp_path / "data", tmp_path / "fresh", tmp_path / "request"
    module.DATA.mkdir()
    return module


def test_an_empty_folder_holds_nothing(cluster: Any) -> None:
    assert cluster.holds() == "nothing"


def test_a_first_start_that_was_cut_short_holds_nothing(cluster: Any) -> None:
    cluster.FRESH.touch()
    (cluster.DATA / "ibdata1").touch()
    (cluster.DATA / "grastate.dat").write_text(GRASTATE.format(uuid=NO_HISTORY, seqno=-1))
    assert cluster.holds() == "nothing"


def test_a_copy_that_was_cut_short_is_no_source(cluster: Any) -> None:
    (cluster.DATA / "grastate.dat").write_text(GRASTATE.format(uuid=NO_HISTORY, seqno=-1))
    assert cluster.holds() == "incomplete"


def test_a_history_is_data_whatever_else_is_there(cluster: Any) -> None:
    cluster.FRESH.touch()
    (cluster.DATA / "grastate.dat").write_text(GRASTATE.format(uuid=HISTORY, seqno=41))
    assert cluster.holds() == "data"
    assert cluster.recover(1) == (HISTORY, 41)


def test_a_request_is_worth_nothing_when_it_is_old(cluster: Any) -> None:
    assert not cluster.asked_to_bootstrap()
    cluster.REQUEST.touch()
    assert cluster.asked_to_bootstrap()
    old = time.time() - 600
    os.utime(cluster.REQUEST, (old, old))
    assert not cluster.asked_to_bootstrap()


@pytest.mark.parametrize(
    ("path", "change", "trouble"),
    [
        ("/writer", {}, ""),
        ("/reader", {}, ""),
        ("/writer", {"wsrep_local_state": "2"}, ""),
        ("/writer", {"wsrep_local_state": "3", "wsrep_local_state_comment": "Joined"}, ""),
        (
            "/writer",
            {"wsrep_local_state": "3", "wsrep_ready": "OFF", "wsrep_local_state_comment": "Joined"},
            "not synced (Joined)",
        ),
        ("/writer", {"wsrep_local_state": "1", "wsrep_local_state_comment": "Joining"}, "not synced (Joining)"),
        ("/writer", {"wsrep_ready": "OFF"}, "not synced"),
        ("/writer", {"wsrep_cluster_status": "non-Primary"}, "not in a primary component"),
        ("/primary", {"wsrep_ready": "OFF", "wsrep_local_state": "1"}, ""),
        ("/primary", {"wsrep_cluster_status": "Disconnected"}, "not in a primary component"),
        ("/writer", {"wsrep_local_recv_queue": "5000"}, ""),
        ("/reader", {"wsrep_local_recv_queue": "5000"}, "5000 changes behind"),
    ],
)
def test_who_may_be_asked(path: str, change: dict[str, str], trouble: str) -> None:
    health = program("health")
    watch = health.Watch(0.0, roomy(health))
    watch.note({**WELL, **change}, 10.0)
    found = watch.trouble(path, 10.1)
    assert trouble in found if trouble else found == ""


def test_a_database_that_hangs_is_not_healthy() -> None:
    health = program("health")
    watch = health.Watch(0.0, roomy(health))
    assert health.answer(watch, "/writer", 0.1)[0].startswith("503")
    watch.note(WELL, 10.0)
    assert health.answer(watch, "/writer", 10.2)[0].startswith("200")
    status, body = health.answer(watch, "/writer", 10.7)
    assert status.startswith("503")
    assert "0.7 s" in body
    assert health.answer(watch, "/else", 10.2)[0].startswith("404")


def test_the_time_without_a_primary_component_is_counted() -> None:
    health = program("health")
    watch = health.Watch(0.0, roomy(health))
    watch.note(WELL, 10.0)
    watch.note({**WELL, "wsrep_cluster_status": "non-Primary"}, 14.0)
    told = json.loads(health.answer(watch, "/state", 14.1)[1])
    assert told["without_primary"] == pytest.approx(4.1)
    assert told["status"]["wsrep_cluster_status"] == "non-Primary"


def test_a_member_that_leaves_sends_its_clients_elsewhere(tmp_path: Path) -> None:
    health = program("health")
    health.cluster.LEAVING = tmp_path / "leaving"
    watch = health.Watch(0.0, roomy(health))
    watch.note(WELL, 10.0)
    assert health.answer(watch, "/writer", 10.1)[0].startswith("200")
    health.cluster.LEAVING.touch()
    assert health.answer(watch, "/writer", 10.1)[0].startswith("503")
    assert health.answer(watch, "/primary", 10.1)[0].startswith("200")


class Awaited(asyncio.Event):
    """Says when somebody begins to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.begun.set()
        return await super().wait()


async def test_whoever_watches_is_told_at_once_that_a_member_leaves(tmp_path: Path) -> None:
    health = program("health")
    cluster = health.cluster
    cluster.LEAVING = tmp_path / "leaving"
    watch, askers, leave = health.Watch(0.0, roomy(health)), health.sessions.Askers(), health.Leave()
    server = await asyncio.start_server(lambda r, w: health.serve(watch, askers, leave, r, w), "127.0.0.1", 0)
    own = {"address": "127.0.0.1", "health_port": server.sockets[0].getsockname()[1]}
    alone: dict[str, Any] = {**own, "health": []}
    cluster.member = lambda: alone

    async def watched(question: str) -> str:
        reader, writer = await asyncio.open_connection(own["address"], own["health_port"])
        writer.write(f"{question}\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        writer.close()
        return answer

    async with server:
        assert await watched("watch 0.05") == "up\n"
        assert await watched("watch soon") == ""
        # Unless it is told, its answer comes long after this test has given up.
        health.REQUEST_LIMIT = 120.0
        leave.changed = Awaited()
        early = asyncio.create_task(watched("watch 60"))
        await leave.changed.begun.wait()
        await asyncio.to_thread(health.neighbours.leave)
        assert (await asyncio.wait_for(early, 10)).startswith("down")
        assert (await asyncio.wait_for(watched("watch 60"), 10)).startswith("down")
        cluster.LEAVING.unlink()
        assert await watched("watch 0.05") == "up\n"


def test_a_member_leaves_although_nobody_can_be_told(tmp_path: Path) -> None:
    neighbours = program("neighbours")
    neighbours.cluster.LEAVING = tmp_path / "leaving"
    neighbours.cluster.member = lambda: {"address": "127.0.0.1", "health_port": 1, "health": ["127.0.0.1:1"]}
    neighbours.leave()
    assert neighbours.cluster.LEAVING.exists()


def test_a_member_that_has_just_come_back_is_not_settled(tmp_path: Path) -> None:
    health = program("health")
    health.cluster.LEAVING = tmp_path / "leaving"
    watch = health.Watch(0.0, roomy(health))
    asked = health.neighbours.SETTLED
    # Nobody chooses a member that does not serve, so nobody waits for it.
    watch.note({**WELL, "wsrep_ready": "OFF"}, 10.0)
    assert health.answer(watch, asked, 10.1)[0].startswith("200")
    watch.note(WELL, 10.2)
    watch.note(WELL, 11.1)
    assert health.answer(watch, asked, 11.1)[0] == health.neighbours.NOT_YET
    assert health.answer(watch, asked, 11.2)[0].startswith("200")
    watch.note({**WELL, "wsrep_ready": "OFF"}, 12.0)
    watch.note(WELL, 12.1)
    assert health.answer(watch, asked, 12.2)[0] == health.neighbours.NOT_YET


async def test_a_member_leaves_when_the_others_have_settled(tmp_path: Path) -> None:
    health = program("health")
    health.cluster.LEAVING = tmp_path / "leaving"
    watch, asked = health.Watch(0.0, roomy(health)), asyncio.Event()
    watch.note(WELL, 10.0)

    class Looked(health.Watch):
        """Another member, which has just begun to serve; it has settled once the test says so."""

        def settled(self, _now: float) -> bool:
            asked.set()
            return watch.serves is None

    watch.__class__ = Looked
    parts = (watch, health.sessions.Askers(), health.Leave())
    server = await asyncio.start_server(lambda r, w: health.serve(*parts, r, w), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    own = {"address": "127.0.0.1", "health_port": 1, "health": [f"127.0.0.1:{port}"]}
    health.cluster.member = lambda: own
    async with server:
        # Longer than this test has.
        health.neighbours.SETTLE_LIMIT = 120.0
        leaving = asyncio.create_task(asyncio.to_thread(health.neighbours.leave))
        await asyncio.wait_for(asked.wait(), 10)
        assert not health.cluster.LEAVING.exists()
        watch.serves = None
        await asyncio.wait_for(leaving, 10)
        assert health.cluster.LEAVING.exists()
        # And it does not wait for ever.
        watch.serves, health.neighbours.SETTLE_LIMIT = 10.0, 0.0
        health.cluster.LEAVING.unlink()
        await asyncio.to_thread(health.neighbours.leave)
        assert health.cluster.LEAVING.exists()


class Cursor:
    """A database that notes what it is told; `made` are the accounts of an earlier run."""

    def __init__(self, *made: str) -> None:
        self.said: list[tuple[str, Any]] = []
        self.made = made

    def execute(self, statement: str, values: Any = None) -> None:
        self.said.append((statement, values))

    def fetchall(self) -> list[tuple[str]]:
        return [(name,) for name in self.made]

    def told(self, start: str) -> list[str]:
        return [statement for statement, _ in self.said if statement.startswith(start)]


def test_accounts_are_made_and_old_ones_removed(tmp_path: Path) -> None:
    accounts = program("accounts")
    accounts.__dict__["__file__"] = __file__
    accounts.cluster.ACCOUNTS = tmp_path / "accounts.json"
    accounts.cluster.ACCOUNTS.write_text(json.dumps({"schema": "shop", "passwords": {"web": ["secret", "secret"]}}))
    cursor = Cursor("web", "web_read", "gone", "gone_read")
    accounts.apply(cursor)
    assert cursor.told("CREATE DATABASE") == ["CREATE DATABASE IF NOT EXISTS `shop` CHARACTER SET utf8mb4"]
    assert cursor.told("GRANT ALL") == ["GRANT ALL PRIVILEGES ON `shop`.* TO `web`@'%'"]
    assert len(cursor.told("GRANT SELECT")) == 1
    assert cursor.told("DROP") == ["DROP USER IF EXISTS `gone`@'%'", "DROP USER IF EXISTS `gone_read`@'%'"]
    # What was done counts as done only when all of it is.
    assert cursor.said[-1] == ("REPLACE INTO mysql.outlast_accounts VALUES ('', %s)", (accounts.wanted_digest(),))
    # Neither in a statement nor in what is filled into one: both end up in files of the replication.
    assert not [said for said in cursor.said if "secret" in repr(said)]
    # MariaDB's own word for it: SELECT PASSWORD('secret').
    assert ("*14E65567ABDB5135D0CFD9A70B3032C179A49EE7",) in [tuple(values or ()) for _, values in cursor.said]


def test_two_passwords_are_accepted_while_one_is_changed(tmp_path: Path) -> None:
    accounts = program("accounts")
    accounts.__dict__["__file__"] = __file__
    accounts.cluster.ACCOUNTS = tmp_path / "accounts.json"
    accounts.cluster.ACCOUNTS.write_text(json.dumps({"schema": "shop", "passwords": {"web": ["old", "new"]}}))
    cursor = Cursor()
    accounts.apply(cursor)
    told = [(statement, values) for statement, values in cursor.said if statement.startswith("ALTER USER `web`")]
    both = "mysql_native_password USING %s OR mysql_native_password USING %s"
    assert told == [(f"ALTER USER `web`@'%%' IDENTIFIED VIA {both}", [accounts.proof("old"), accounts.proof("new")])]


def test_another_password_is_another_digest(tmp_path: Path) -> None:
    accounts = program("accounts")
    accounts.__dict__["__file__"] = __file__
    accounts.cluster.ACCOUNTS = tmp_path / "accounts.json"
    digests: set[str] = set()
    for password in ("one", "two"):
        accounts.cluster.ACCOUNTS.write_text(json.dumps({"schema": "shop", "passwords": {"web": [password, password]}}))
        digests.add(accounts.wanted_digest())
    assert len(digests) == 2


def test_a_member_with_a_full_disk_may_be_read_and_not_written_to() -> None:
    health = program("health")
    watch = health.Watch(0.0, roomy(health, 1024**2))
    watch.note(WELL, 1.0)
    assert watch.trouble("/writer", 1.0) == "1 MiB are left on its disk"
    assert watch.trouble("/reader", 1.0) == ""
    assert watch.trouble("/primary", 1.0) == ""
