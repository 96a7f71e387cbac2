"""A connection to a machine behind SSH: kept, many calls at once, everything as root (by sudo where it must be)."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

import asyncssh

from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.machines.machine import ExitError, Result, unanswered

CLOSE_LIMIT = 2.0
# OpenSSH's own default for MaxSessions (sshd_config(5)); more calls wait for their turn.
SESSIONS = 10
PUT_LIMIT = 60.0
GET_LIMIT = 600.0
# Far slower than any network that a site runs on.
BYTES_PER_SECOND = 1_000_000
# Of a local file, at once: with asyncssh's own 8 KiB a large one takes twice as long (measured).
PIECE = 1 << 18
ABSENT = 66
PUT = """
trap 'rm -f "$3"' EXIT
mkdir -p "$(dirname "$1")"
cat > "$3"
chmod "$2" "$3"
mv -T "$3" "$1"
"""
SUDO = ("sudo", "-n", "--")
MERGED = 'exec "$@" 2>&1'
GET = f'[ -e "$1" ] || exit {ABSENT}; exec cat -- "$1"'

T = TypeVar("T")


class SshMachine:
    """An open connection, made by `machines/ssh/connection.py`. `prefix` stands before every command."""

    def __init__(
        self, name: str, connection: asyncssh.SSHClientConnection, sessions: int, prefix: tuple[str, ...] = ()
    ) -> None:
        self._name = name
        self._connection = connection
        self._prefix = prefix
        # The server counts a session for a moment after it told us of its end, so only every second one is used.
        self._turns = asyncio.Semaphore(max(1, sessions // 2))

    @property
    def name(self) -> str:
        """The machine's name."""
        return self._name

    async def run(self, argv: Sequence[str], *, stdin: bytes | Path = b"", limit: float = 60.0) -> Result:
        """Run `argv` and wait for at most `limit` seconds; what runs longer is killed and counts as no answer."""
        if isinstance(stdin, Path):
            async with self._session(argv, limit, stdin=stdin) as process:
                out, err = await process.communicate()
                return self._result(process, out, err)
        async with self._session(argv, limit) as process:
            if not stdin:
                # `communicate` ends no empty input, and what reads it would wait for ever.
                process.stdin.write_eof()
            out, err = await process.communicate(stdin)
            return self._result(process, out, err)

    async def lines(self, argv: Sequence[str], *, stdin: bytes = b"", limit: float = 60.0) -> AsyncIterator[str]:
        """Run `argv`, yielding what it prints line by line, both streams as one.

        Raises `ExitError` unless it ends with 0, and `TimeoutError` when it does not end within `limit` seconds.
        """
        deadline = asyncio.get_running_loop().time() + limit
        async with self._turns:
            process = await self._heard(deadline, self._started(["sh", "-c", MERGED, "lines", *argv]))
            try:
                process.stdin.write(stdin)
                process.stdin.write_eof()
                # The clock runs around reading only: around a `yield` it would interrupt whoever reads the lines.
                held = b""
                while piece := await self._heard(deadline, process.stdout.readline()):
                    # A line that is longer than the window comes in pieces.
                    held += piece
                    if held.endswith(b"\n"):
                        yield held.decode(errors="replace").rstrip()
                        held = b""
                if held:
                    yield held.decode(errors="replace").rstrip()
                await self._heard(deadline, process.wait_closed())
                code = self._result(process, b"", b"").returncode
            finally:
                _end(process)
        if code != 0:
            raise ExitError(code)

    async def put(self, path: str, content: bytes, *, mode: int = 0o644) -> None:
        """Replace one file, atomically."""
        limit = PUT_LIMIT + len(content) / BYTES_PER_SECOND
        self._written(path, await self.run(_put(path, mode), stdin=content, limit=limit))

    async def put_file(self, path: str, source: Path, *, mode: int = 0o644) -> None:
        """Replace one file by a local one of any size."""
        limit = PUT_LIMIT + source.stat().st_size / BYTES_PER_SECOND
        self._written(path, await self.run(_put(path, mode), stdin=source, limit=limit))

    async def get(self, path: str) -> bytes:
        """The content of one file."""
        done = await self.run(["sh", "-c", GET, "get", path])
        if done.returncode == ABSENT:
            raise FileNotFoundError(path)
        if done.returncode != 0:
            raise OutlastError(_refused(self._name, f"{path} cannot be read", _last_line(done)))
        return done.stdout

    async def get_file(self, path: str, target: Path) -> None:
        """The content of one file into a local one, without holding it in memory."""
        async with self._session(["cat", "--", path], GET_LIMIT, stdout=target) as process:
            _, err = await process.communicate()
            done = self._result(process, b"", err)
        if done.returncode != 0:
            raise OutlastError(_refused(self._name, f"{path} cannot be read", _last_line(done)))

    async def close(self) -> None:
        """End the connection; a machine that does not take part in that is left alone."""
        self._connection.close()
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await self._connection.wait_closed()
        except TimeoutError:
            self._connection.abort()

    @asynccontextmanager
    async def _session(
        self,
        argv: Sequence[str],
        limit: float,
        *,
        stdin: Path | int = asyncssh.PIPE,
        stdout: Path | int = asyncssh.PIPE,
    ) -> AsyncGenerator[asyncssh.SSHClientProcess[bytes], None]:
        """A running command within `limit` seconds; whatever comes between is `Unreachable`."""
        try:
            async with asyncio.timeout(limit), self._turns:
                process = await self._started(argv, stdin=stdin, stdout=stdout)
                try:
                    yield process
                    await process.wait_closed()
                finally:
                    _end(process)
        except TimeoutError:
            raise Unreachable(unanswered(self._name, f"`{_shown(argv)}` did not end within {limit:g} s")) from None
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(unanswered(self._name, str(error) or type(error).__name__)) from None

    async def _started(self, argv: Sequence[str], **streams: Path | int) -> asyncssh.SSHClientProcess[bytes]:
        command = shlex.join([*self._prefix, *argv])
        return await self._connection.create_process(command, encoding=None, bufsize=PIECE, **streams)  # pyright: ignore

    async def _heard(self, deadline: float, awaited: Awaitable[T]) -> T:
        """What is awaited, until the loop's time is `deadline`; a connection that ends meanwhile is `Unreachable`."""
        try:
            async with asyncio.timeout_at(deadline):
                return await awaited
        except TimeoutError:
            raise
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(unanswered(self._name, str(error) or type(error).__name__)) from None

    def _result(self, process: asyncssh.SSHClientProcess[bytes], out: bytes | str, err: bytes | str) -> Result:
        if process.returncode is None:
            raise Unreachable(unanswered(self._name, "the connection ended before the command did"))
        return Result(process.returncode, _bytes(out), _bytes(err))

    def _written(self, path: str, done: Result) -> None:
        if done.returncode != 0:
            raise OutlastError(_refused(self._name, f"{path} cannot be written", _last_line(done)))


def _end(process: asyncssh.SSHClientProcess[bytes]) -> None:
    if process.returncode is None:
        process.kill()
    process.close()


def _put(path: str, mode: int) -> list[str]:
    return ["sh", "-e", "-c", PUT, "put", path, f"{mode:o}", _temporary(path)]


def _temporary(path: str) -> str:
    # A name of its own for each call: two of them may replace the same file at once.
    return f"{path}.{uuid4().hex[:8]}"


def _last_line(done: Result) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"it exited with status {done.returncode}"


def _refused(name: str, what: str, why: str) -> Finding:
    return Finding(name, what, why, "mend what the message names, then run the same command again")


def _shown(argv: Sequence[str]) -> str:
    text = shlex.join(argv)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""
