"""A machine behind SSH: one kept connection, many calls at once, everything as root."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

import asyncssh

from outlast.kernel.errors import Finding, Unreachable
from outlast.machines.machine import Result

KEEPALIVE = 2.0
TIMED_OUT = 124


class SshMachine:
    """An open connection. Made by `connect`."""

    def __init__(self, name: str, connection: asyncssh.SSHClientConnection) -> None:
        self._name = name
        self._connection = connection

    @property
    def name(self) -> str:
        """The machine's name."""
        return self._name

    async def run(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> Result:
        """Run `argv` and wait for at most `limit` seconds."""
        try:
            done = await self._connection.run(shlex.join(argv), input=stdin, encoding=None, timeout=limit, check=False)
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(silent(self._name, str(error) or type(error).__name__)) from None
        signal = done.exit_signal[0] if done.exit_signal else None
        code = done.returncode if done.returncode is not None else -1
        return Result(-1 if signal else code, _bytes(done.stdout), _bytes(done.stderr))

    async def put(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Replace one file, atomically."""
        script = (
            'mkdir -p "$(dirname "$1")" && cat > "$1.outlast" && chmod "$2" "$1.outlast" && mv -T "$1.outlast" "$1"'
        )
        done = await self.run(["sh", "-e", "-c", script, "put", path, f"{mode:o}"], stdin=content)
        if done.returncode != 0:
            raise OSError(done.stderr.decode(errors="replace").strip())

    async def put_file(self, path: str, source: Path, *, mode: int = 0o644) -> None:
        """Replace one file by a local one of any size."""
        await self.run(["mkdir", "-p", str(Path(path).parent)])
        temporary = f"{path}.outlast"
        try:
            async with self._connection.start_sftp_client() as sftp:
                await sftp.put(str(source), temporary)
                await sftp.chmod(temporary, mode)
                await sftp.posix_rename(temporary, path)
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(silent(self._name, str(error))) from None

    async def get(self, path: str) -> bytes:
        """The content of one file."""
        done = await self.run(["cat", path])
        if done.returncode != 0:
            raise FileNotFoundError(path)
        return done.stdout

    async def close(self) -> None:
        """End the connection."""
        self._connection.close()
        await self._connection.wait_closed()


async def connect(name: str, address: IPv4Address, key: Path, known_hosts: Path, limit: float) -> SshMachine:
    """Open a connection as root; `Unreachable` when there is none within `limit` seconds."""
    try:
        async with asyncio.timeout(limit):
            connection = await asyncssh.connect(
                str(address),
                username="root",
                client_keys=[str(key)],
                known_hosts=str(known_hosts),
                config=None,
                agent_path=None,
                keepalive_interval=KEEPALIVE,
                keepalive_count_max=3,
                compression_algs=None,
            )
    except TimeoutError:
        raise Unreachable(silent(name, f"no answer from {address} within {limit:g} s")) from None
    except (asyncssh.Error, OSError) as error:
        raise Unreachable(silent(name, str(error) or type(error).__name__)) from None
    return SshMachine(name, connection)


def silent(name: str, why: str) -> Finding:
    """The finding of a machine that gives no answer."""
    return Finding(name, "the machine gives no answer", why, "see `outlast status`; it says whether the machine runs")


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
