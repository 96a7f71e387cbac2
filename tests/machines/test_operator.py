"""The operator's key: sealed on disk, in memory for those who need a file."""

from __future__ import annotations

import asyncio
import gc
import subprocess
from pathlib import Path

import asyncssh
import pytest

from outlast.machines.nspawn.operator import Operator, new_key
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


async def test_the_ssh_client_logs_in_with_the_key_from_memory(operator: Operator, tmp_path: Path) -> None:
    authorised = asyncssh.import_authorized_keys(operator.ensure().export_public_key().decode())

    async def greet(process: asyncssh.SSHServerProcess[str]) -> None:
        process.stdout.write("welcome\n")
        process.exit(0)

    host = [new_key()]
    async with asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=host, authorized_client_keys=authorised, process_factory=greet
    ) as server:
        told = ["-o", "StrictHostKeyChecking=no", "-o", f"UserKnownHostsFile={tmp_path / 'hosts'}"]
        only = ["-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o", "BatchMode=yes"]
        command = ["ssh", "-F", "none", "-i", str(operator.opened()), *told, *only]
        client = await asyncio.create_subprocess_exec(
            *command, "-p", str(server.get_port()), "root@127.0.0.1", "x", stdout=-1, stderr=-1
        )
        out, err = await asyncio.wait_for(client.communicate(), 30)
    assert out == b"welcome\n", err


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
