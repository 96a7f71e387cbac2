"""The asker's connection to a vendor: kept, opened anew when it broke, and never waited on without a limit.

A request on a kept connection that breaks is asked once more over a new one: asking twice does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address

import asyncssh
from pydantic import ValidationError

from outlast.kernel.errors import Finding, OutlastError, Unreachable
from outlast.machines.ssh.login import pinned
from outlast.machines.vendor.keys import Vending
from outlast.machines.vendor.words import ANSWER_LIMIT, COMMAND, LIMITS, Answer, Request

# For each address, in seconds.
CONNECT_LIMIT = 3.0
# What an answer may take beyond what the vendor gives itself for the work.
MARGIN = 5.0
# The vendor is busy at times: it boots machines on the same computer.
KEEPALIVE, KEEPALIVES = 5.0, 4
PIECE = 1 << 16


class Line:
    """Asks one vendor. `key` opens its door; it is looked for at the first use."""

    def __init__(self, vending: Vending, key: Callable[[], asyncssh.SSHKey]) -> None:
        self._vending = vending
        self._key = key
        self._connection: asyncssh.SSHClientConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Lock()

    async def ask(self, request: Request, *, limit: float | None = None) -> Answer:
        """The answer, within `limit` seconds. Raises `Unreachable` when there is none, `OutlastError` with what the
        vendor could not do."""
        limit = LIMITS[request.verb] + MARGIN if limit is None else limit
        try:
            async with asyncio.timeout(limit):
                text = await self._asked(request)
        except TimeoutError:
            raise Unreachable(_silent(f"no answer to `{request.verb}` within {limit:g} s")) from None
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(_silent(str(error) or type(error).__name__)) from None
        answer = _read(text)
        if answer.findings:
            raise OutlastError(*answer.findings)
        return answer

    async def close(self) -> None:
        """End the connection; the next request opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()

    async def _asked(self, request: Request) -> bytes:
        kept = self._kept()
        connection = kept or await self._open()
        try:
            return await _exchange(connection, request)
        except (asyncssh.Error, OSError):
            self._drop(connection)
            if kept is None:
                raise
        except asyncio.CancelledError:
            # Out of time: nobody knows whether this connection still works.
            self._drop(connection)
            raise
        return await _exchange(await self._open(), request)

    def _kept(self) -> asyncssh.SSHClientConnection | None:
        if self._loop is not asyncio.get_running_loop():
            # A connection and a lock live with the loop in which they were made.
            self._loop, self._connection, self._turn = asyncio.get_running_loop(), None, asyncio.Lock()
        return self._connection

    def _drop(self, connection: asyncssh.SSHClientConnection) -> None:
        connection.abort()
        if self._connection is connection:
            self._connection = None

    async def _open(self) -> asyncssh.SSHClientConnection:
        """The connection, made by one of those who want it at the same moment. Raises `Unreachable`."""
        async with self._turn:
            findings: list[Finding] = []
            for address in self._vending.addresses:
                if self._connection is None:
                    try:
                        self._connection = await self._open_at(address)
                    except Unreachable as error:
                        findings += error.findings
            if self._connection is None:
                raise Unreachable(*findings)
            return self._connection

    async def _open_at(self, address: IPv4Address) -> asyncssh.SSHClientConnection:
        port, key = self._vending.port, self._key()
        known = asyncssh.import_known_hosts(f"{pinned(address, port)} {self._vending.host_key}\n")
        try:
            async with asyncio.timeout(CONNECT_LIMIT):
                return await asyncssh.connect(
                    str(address),
                    port,
                    username="controller",
                    client_keys=[key],
                    known_hosts=known,
                    config=None,
                    agent_path=None,
                    keepalive_interval=KEEPALIVE,
                    keepalive_count_max=KEEPALIVES,
                    compression_algs=None,
                )
        except TimeoutError:
            raise Unreachable(_silent(f"no answer from {address}:{port} within {CONNECT_LIMIT:g} s")) from None
        except asyncssh.HostKeyNotVerifiable:
            raise Unreachable(_stranger(address)) from None
        except asyncssh.PermissionDenied:
            raise Unreachable(_denied(address)) from None
        except (asyncssh.Error, OSError) as error:
            raise Unreachable(_silent(f"{address}:{port}: {error or type(error).__name__}")) from None


async def _exchange(connection: asyncssh.SSHClientConnection, request: Request) -> bytes:
    process = await connection.create_process(COMMAND, encoding=None)  # pyright: ignore
    try:
        with suppress(BrokenPipeError):  # it answered before it was asked
            process.stdin.write(request.model_dump_json().encode())
            process.stdin.write_eof()
        held = bytearray()
        while piece := await process.stdout.read(PIECE):
            held += piece
            if len(held) > ANSWER_LIMIT:
                raise OutlastError(_garbled(f"it has more than {ANSWER_LIMIT} bytes"))
        await process.wait_closed()
        if process.returncode is None:
            raise asyncssh.ConnectionLost("the connection ended before the answer did")
        return bytes(held)
    finally:
        process.close()


def _read(text: bytes) -> Answer:
    try:
        return Answer.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        at = ".".join(map(str, first["loc"]))
        raise OutlastError(_garbled(f"{at}: {first['msg']}" if at else first["msg"])) from None


def _garbled(why: str) -> Finding:
    fix = "run `outlast up` on the operator's computer: it replaces a vendor of another version"
    return Finding("vendor", "the vendor's answer cannot be used", why, fix)


def _silent(why: str) -> Finding:
    fix = "nothing is lost but new machines; `outlast up` on the operator's computer starts it again"
    return Finding("vendor", "the vendor gives no answer", why, fix)


def _stranger(address: IPv4Address) -> Finding:
    why = f"somebody else answers at {address}, or it was given new keys: nothing was sent there"
    return Finding("vendor", "its host key is not the one that was handed over", why, "run `outlast up` once more")


def _denied(address: IPv4Address) -> Finding:
    why = f"{address} does not accept the key that was handed over"
    return Finding("vendor", "the vendor does not let us in", why, "run `outlast up` once more: it hands over anew")
