"""The vendor's door: SSH that lets one key in and knows one command. No shell, no files, no forwarding."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncGenerator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from ipaddress import IPv4Address

import asyncssh
from pydantic import ValidationError

from outlast.kernel.errors import Finding
from outlast.machines.vendor.service import UP, Service
from outlast.machines.vendor.words import COMMAND, REQUEST, REQUEST_LIMIT, Answer

LOG = logging.getLogger(__name__)
# For logging in, and then for saying what is wanted; in seconds.
LOGIN_LIMIT, READ_LIMIT = 10.0, 10.0
# From one address: a machine gone mad keeps no other from asking.
CONNECTIONS = 8
# Whoever is silent for so many times so many seconds is gone.
KEEPALIVE, KEEPALIVES = 10.0, 3
# Lets a socket have an address before its interface exists or while it is made anew (ip(7)).
IP_FREEBIND = 15


@asynccontextmanager
async def serving(
    service: Service,
    host_key: asyncssh.SSHKey,
    client_key: asyncssh.SSHKey,
    addresses: Iterable[IPv4Address],
    port: int,
) -> AsyncGenerator[int]:
    """Let askers in at these addresses while the context lasts; answers the port. Only `client_key` opens."""
    authorized = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
    doors: set[asyncssh.SSHServerConnection] = set()

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        """One request and its answer. Whoever leaves before it is no concern of ours."""
        with suppress(asyncssh.Error, OSError):
            answer = await _answered(service, process)
            process.stdout.write(answer.model_dump_json().encode())
            process.exit(0)

    async with AsyncExitStack() as stack:
        for address in addresses:
            acceptor = await asyncssh.listen(
                sock=_bound(address, port),
                server_factory=lambda: _Door(doors),
                server_host_keys=[host_key],
                authorized_client_keys=authorized,
                process_factory=serve,
                encoding=None,
                config=None,
                public_key_auth=True,
                password_auth=False,
                kbdint_auth=False,
                host_based_auth=False,
                gss_host=None,
                allow_pty=False,
                agent_forwarding=False,
                x11_forwarding=False,
                login_timeout=LOGIN_LIMIT,
                keepalive_interval=KEEPALIVE,
                keepalive_count_max=KEEPALIVES,
                compression_algs=None,
            )
            stack.callback(acceptor.close)
            port = acceptor.get_port()
        try:
            yield port
        finally:
            for connection in list(doors):
                connection.abort()


class _Door(asyncssh.SSHServer):
    """One connection. What is not said here is refused by asyncssh: forwarding of every kind."""

    def __init__(self, doors: set[asyncssh.SSHServerConnection]) -> None:
        self._doors = doors
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Refuse who has enough of them."""
        peer = _peer(conn)
        if sum(_peer(other) == peer for other in self._doors) >= CONNECTIONS:
            LOG.warning("refused %s: it has %d connections already", peer, CONNECTIONS)
            conn.abort()
            return
        self._connection = conn
        self._doors.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        if self._connection is not None:
            self._doors.discard(self._connection)
            if isinstance(exc, asyncssh.PermissionDenied):
                LOG.warning("refused %s: not the key of this site", _peer(self._connection))


def _peer(connection: asyncssh.SSHServerConnection) -> str:
    return str(connection.get_extra_info("peername", ("",))[0])


async def _answered(service: Service, process: asyncssh.SSHServerProcess[bytes]) -> Answer:
    if process.command != COMMAND:
        return _refused(f"the only command here is `{COMMAND}`")
    try:
        async with asyncio.timeout(READ_LIMIT):
            text = await _read(process)
    except TimeoutError:
        return _refused(f"the request was not complete within {READ_LIMIT:g} s")
    if len(text) > REQUEST_LIMIT:
        return _refused(f"a request has at most {REQUEST_LIMIT} bytes")
    try:
        request = REQUEST.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return _refused(f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}")
    return await service.answer(request)


async def _read(process: asyncssh.SSHServerProcess[bytes]) -> bytes:
    held = b""
    while len(held) <= REQUEST_LIMIT and (piece := await process.stdin.read(REQUEST_LIMIT)):
        held += piece
    return held


def _refused(why: str) -> Answer:
    return Answer(findings=(Finding("vendor", "the vendor does not know this request", why, UP),))


def _bound(address: IPv4Address, port: int) -> socket.socket:
    own = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        own.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        own.bind((str(address), port))
        own.setblocking(False)
    except OSError:
        own.close()
        raise
    return own
