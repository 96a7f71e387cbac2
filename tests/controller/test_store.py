"""The own folders of a site and of its environments: each goes alone, whoever goes first."""

from __future__ import annotations

from pathlib import Path

import pytest

from outlast.controller.store import Store, own_folder


def store(home: Path, environment: str = "") -> Store:
    made = Store(home / own_folder(environment))
    (made.folder / "ca.key").write_text("secret")
    made.release("web", "1").write_bytes(b"")
    return made


def test_nobody_else_reads_them_whichever_was_first(tmp_path: Path) -> None:
    folder = store(tmp_path, "staging").folder
    assert folder == tmp_path / ".outlast/environments/staging"
    assert {path.stat().st_mode & 0o777 for path in (folder, *folder.parents[:2])} == {0o700}


@pytest.mark.parametrize("first", ["", "staging"])
def test_one_that_goes_leaves_the_others(tmp_path: Path, first: str) -> None:
    stores = {name: store(tmp_path, name) for name in ("", "staging", "preview")}
    stores.pop(first).remove()
    assert not (tmp_path / own_folder(first) / "ca.key").exists()
    for other in stores.values():
        assert (other.folder / "ca.key").read_text() == "secret"
        other.remove()
    assert list(tmp_path.iterdir()) == []
