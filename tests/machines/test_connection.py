"""The connection to a machine, against a small SSH server in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import asyncssh
import pytest

from outlast.kernel.errors import Unreachable
from outlast.kernel.events import silent
from outlast.machines.machine import ExitError
from outlast.machines.ssh.connection import connect
from outlast.machines.ssh.login import client
from outlast.machines.ssh.record import Record, Server
from outlast.machines.ssh.taking import open_server


def new_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownMemberType]


async def carry_out(process: asyncssh.SSHServerProcess[bytes]) -> None:
    child = await asyncio.create_subprocess_shell(process.command or "true", stdin=-1, stdout=-1, stderr=-1)
    assert child.stdout is not None
    assert child.stderr is not None
    await process.redirect(stdin=child.stdin)
    out, err = await asyncio.gather(child.stdout.read(), child.stderr.read())
    process.stdout.write(out)
    process.stderr.write(err)
    process.exit(await child.wait())


@dataclass(frozen=True)
class Sshd:
    """A server at a port of this box, known to nobody yet."""

    record: Record
    server: Server
    acceptor: asyncssh.SSHAcceptor


@asynccontextmanager
async def sshd(folder: Path, *, port: int = 0, host_key: asyncssh.SSHKey | None = None) -> AsyncGenerator[Sshd]:
    key = folder / "key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_bytes(new_key().export_private_key())
        (folder / "authorized").write_bytes(asyncssh.read_private_key(key).export_public_key())
    acceptor = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[host_key or new_key()],
        authorized_client_keys=str(folder / "authorized"),
        process_factory=carry_out,
        sftp_factory=True,
        encoding=None,
    )
    server = Server("east", IPv4Address("127.0.0.1"), "root", key, acceptor.get_port())
    try:
        yield Sshd(Record(folder), server, acceptor)
    finally:
        acceptor.close()
        await acceptor.wait_closed()


async def test_the_first_host_key_is_trusted_and_no_other(tmp_path: Path) -> None:
    async with sshd(tmp_path) as there:
        assert not there.record.is_pinned(there.server)
        with pytest.raises(Unreachable):
            await connect("one", there.record.login(there.server), 5.0)
        machine = await open_server("one", there.server, there.record, silent)
        assert (await machine.run(["echo", "a b"])).stdout == b"a b\n"
        await machine.close()
        port = there.server.port
    async with sshd(tmp_path, port=port) as changed:
        with pytest.raises(Unreachable) as caught:
            await open_server("one", changed.server, changed.record, silent)
        assert caught.value.findings[0].what == "its host key is not the one it had"
        assert f"ssh-keygen -R '[127.0.0.1]:{port}'" in caught.value.findings[0].fix


async def test_a_key_that_is_not_let_in(tmp_path: Path) -> None:
    async with sshd(tmp_path) as there:
        there.server.key.write_bytes(new_key().export_private_key())
        with pytest.raises(Unreachable) as caught:
            await open_server("one", there.server, there.record, silent)
        assert caught.value.findings[0].what == "127.0.0.1 does not let `root` in"


async def test_lines_come_as_they_are_printed(tmp_path: Path) -> None:
    async with sshd(tmp_path) as there:
        machine = await open_server("one", there.server, there.record, silent)
        script = "read name; echo hello $name; echo twice >&2; echo"
        assert [line async for line in machine.lines(["sh", "-c", script], stdin=b"you\n")] == [
            "hello you",
            "twice",
            "",
        ]
        with pytest.raises(ExitError) as failed:
            _ = [line async for line in machine.lines(["sh", "-c", "echo; exit 3"])]
        assert failed.value.code == 3
        with pytest.raises(TimeoutError):
            _ = [line async for line in machine.lines(["sleep", "30"], limit=0.3)]
        await machine.close()


async def test_files_of_any_size_go_both_ways(tmp_path: Path) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(b"0123456789" * 300_000)
    async with sshd(tmp_path) as there:
        machine = await open_server("one", there.server, there.record, silent)
        await machine.put_file(str(tmp_path / "deep/there"), source)
        await machine.get_file(str(tmp_path / "deep/there"), back)
        await machine.close()
    assert back.read_bytes() == source.read_bytes()


def test_a_person_gets_the_same_key_and_port(tmp_path: Path) -> None:
    server = Server("east", IPv4Address("10.0.0.11"), "deploy", tmp_path / "key", 2222)
    command = client(Record(tmp_path).login(server))
    assert command[-3:] == ("-p", "2222", "deploy@10.0.0.11")
    assert str(tmp_path / "key") in command
