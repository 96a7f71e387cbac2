"""The operator's key: sealed on disk, in memory for those who need a file."""

from __future__ import annotations

import gc
import subprocess
from pathlib import Path

import asyncssh
import pytest

from outlast.machines.nspawn.operator import Operator
from outlast.seal.seal import Seal


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    return Operator(tmp_path / "ssh", Seal(tmp_path, "shop"))


def test_openssh_and_asyncssh_read_the_key_from_memory(operator: Operator, tmp_path: Path) -> None:
    public = operator.ensure().export_public_key().decode()
    path = operator.opened()
    assert asyncssh.read_private_key(path).export_public_key().decode() == public
    # OpenSSH's own reading of keys, which looks at their rights too.
    done = subprocess.run(["ssh-keygen", "-y", "-f", str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.split()[:2] == public.split()[:2]
    assert path.stat().st_mode & 0o777 == 0o600
    assert not [file for file in tmp_path.rglob("*") if file.is_file() and b"PRIVATE KEY" in file.read_bytes()]


def test_the_memory_is_given_back_with_the_operator(operator: Operator, tmp_path: Path) -> None:
    operator.ensure()
    other = Operator(tmp_path / "ssh", Seal(tmp_path, "shop"))
    path = other.opened()
    assert path == other.opened()
    assert path.exists()
    del other
    gc.collect()
    assert not path.exists()


def test_a_key_that_was_put_back_is_the_one_that_counts(operator: Operator, tmp_path: Path) -> None:
    first = operator.ensure().export_public_key()
    assert operator.opened().exists()
    (tmp_path / "ssh/id_ed25519").unlink()
    assert not operator.opened().exists()
    second = operator.ensure().export_public_key()
    assert second != first
    assert asyncssh.read_private_key(operator.opened()).export_public_key() == second
