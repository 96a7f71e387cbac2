"""The programs on the machine: what they conclude from what they see, without a machine."""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from tests.components.etcd.members import program

# The first records of a log that etcd 3.5.16 wrote: its metadata, an entry, and three states of one member.
METADATA = "08011084ace0e10f1a14088ed1bde6c9abbee721109ae7e2eefad484ea41"
ENTRY = "0802109cacbcd70a1a1e080010021805221622070a026b31120176a2060a0885f6a3abd8bfa8c768"
STATES = ("080310f289acb20c1a06080110001801", "080310b5e8efd6061a0e0802108ed1bde6c9abbee7211804")
LAST = "080310d7f5a6bc0d1a0e0802108ed1bde6c9abbee7211805"
OWN = "https://10.0.0.15:2380"


def frame(record: str) -> bytes:
    """As etcd's encoder writes it: the length, padding to eight bytes, and how much of that in the highest byte."""
    data = bytes.fromhex(record)
    padding = -len(data) % 8
    return struct.pack("<Q", len(data) | (0x80 | padding) << 56 if padding else len(data)) + data + bytes(padding)


def written(folder: Path, *records: str, tail: bytes = bytes(4096)) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "0000000000000000-0000000000000000.wal").write_bytes(b"".join(map(frame, records)) + tail)
    return folder


@pytest.fixture
def member(tmp_path: Path) -> Any:
    module = program("member")
    module.DATA, module.REQUEST = tmp_path / "data", tmp_path / "found"
    return module


def test_the_last_state_of_the_log_is_the_position(tmp_path: Path) -> None:
    read = program("wal").read
    assert read(written(tmp_path, METADATA, ENTRY)).committed == 0
    log = read(written(tmp_path, METADATA, *STATES, ENTRY, LAST))
    assert (int(log.cluster, 16), int(log.member, 16)) == (4743436818913473434, 2436158624617162894)
    assert log.committed == 5


def test_what_a_crash_cut_off_is_no_record(tmp_path: Path) -> None:
    read = program("wal").read
    for tail in (frame(LAST)[:20], b"", b"\x07", struct.pack("<Q", 1 << 40)):
        assert read(written(tmp_path, METADATA, *STATES, tail=tail)).committed == 4


def test_a_log_that_names_no_cluster_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="names no cluster"):
        program("wal").read(written(tmp_path, *STATES))


def test_an_empty_database_without_a_log_is_no_data(member: Any) -> None:
    (member.DATA / "member" / "snap").mkdir(parents=True)
    (member.DATA / "member" / "snap" / "db").touch()
    assert not member.holds_data()
    written(member.log_folder(), METADATA)
    assert member.holds_data()


def test_a_request_is_worth_nothing_when_it_is_old(member: Any) -> None:
    assert member.request() == ""
    member.REQUEST.write_text("new\n")
    assert member.request() == "new"
    old = time.time() - member.REQUEST_LIMIT - 1
    os.utime(member.REQUEST, (old, old))
    assert member.request() == ""


class Others:
    """The other members, as `member.py` asks them: they list `listed`, and note every change."""

    def __init__(self, listed: list[dict[str, Any]] | None) -> None:
        self.listed = listed
        self.changes: list[tuple[str, ...]] = []

    def members(self, _limit: float) -> list[dict[str, Any]] | None:
        return self.listed

    def ask(self, _member: str, *words: str, limit: float) -> dict[str, Any]:
        assert limit <= 5
        self.changes.append(words)
        return {"members": [*(self.listed or [])[1:], {"ID": 9, "peerURLs": [OWN]}]}


def noted(_asked: str) -> None:
    """There is no folder of a running service to note it in."""


def start(member: Any, others: Others) -> Any:
    made = program("start")
    member.facts = lambda: {"member": "east-etcd-1", "peer": OWN, "cluster": {"east-etcd-1": OWN}}
    member.members, member.ask_others = others.members, others.ask
    made.member, made.note = member, noted
    return made


OTHER = {"ID": 2, "name": "east-etcd-2", "peerURLs": ["https://10.0.0.16:2380"], "clientURLs": ["c"]}
LISTED = {"ID": 1, "peerURLs": [OWN]}


def test_one_that_lost_its_data_leaves_first_and_names_whom_it_was_told(member: Any) -> None:
    others = Others([{**LISTED, "name": "east-etcd-1", "clientURLs": ["c"]}, OTHER])
    cluster, state, anew = start(member, others).without_data("new")
    assert others.changes == [("remove", "1"), ("add", "east-etcd-1", f"--peer-urls={OWN}")]
    assert (cluster, state, anew) == (f"east-etcd-2=https://10.0.0.16:2380,east-etcd-1={OWN}", "existing", False)


def test_one_that_comes_back_at_another_address_takes_its_former_self_out_first(member: Any) -> None:
    former = {"ID": 1, "name": "east-etcd-1", "peerURLs": ["https://10.0.0.99:2380"], "clientURLs": ["c"]}
    others = Others([former, OTHER])
    cluster, state, _ = start(member, others).without_data("")
    assert others.changes == [("remove", "1"), ("add", "east-etcd-1", f"--peer-urls={OWN}")]
    assert (cluster, state) == (f"east-etcd-2=https://10.0.0.16:2380,east-etcd-1={OWN}", "existing")
    # It was added by a start that died before it took the former one out.
    others = Others([former, LISTED, OTHER])
    assert start(member, others).without_data("")[1] == "existing"
    assert others.changes == [("remove", "1")]


def test_one_that_was_added_or_never_started_changes_nothing(member: Any) -> None:
    others = Others([LISTED, OTHER])
    assert start(member, others).without_data("")[1] == "existing"
    others.listed = [{**LISTED, "name": "east-etcd-1"}, OTHER]
    assert start(member, others).without_data("")[1] == "new"
    assert others.changes == []


def test_it_founds_when_it_was_asked_and_nobody_answers(member: Any) -> None:
    assert start(member, Others(None)).without_data("new") == (f"east-etcd-1={OWN}", "new", False)
    assert start(member, Others(None)).with_data("anew")[2] is True
    assert start(member, Others([OTHER])).with_data("anew")[2] is False
    assert start(member, Others(None)).with_data("new")[2] is False


def test_who_has_founded_is_not_at_founding_even_when_its_majority_is_lost_at_once(member: Any) -> None:
    probe = program("probe")
    probe.member = member
    member.facts = lambda: {"cluster": {"east-etcd-1": OWN, "east-etcd-2": "b", "east-etcd-3": "c"}}
    assert not probe.has_founded(None), "it holds nothing"
    written(member.log_folder(), METADATA, *STATES)
    assert not probe.has_founded(3), "one entry for each founder, and nobody agreed yet"
    assert probe.has_founded(4)
    assert probe.has_founded(None), "its log cannot be read"
