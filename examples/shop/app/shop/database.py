"""Talk to a database that may move to another machine at any moment.

The shop sees the cluster through two addresses on its own machine: a writer and a reader. While the writer
moves, statements fail for about a second: connections break, nodes say they are not ready, transactions lose
against others. All of that is *transient*: the whole unit of work is repeated, on a new connection, with a
growing and jittered pause, for at most `PATIENCE` seconds. Then, and only then, `UnavailableError` is raised.

A unit of work is therefore a function that may run more than once. It must not have effects outside the
database, and it must be able to tell that an earlier attempt was committed although nobody heard of it.
"""

from __future__ import annotations

import random
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TypeVar

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import DictCursor

from .errors import UnavailableError
from .settings import Address

T = TypeVar("T")
Work = Callable[[DictCursor], T]

PATIENCE = 5.0  # seconds to keep repeating a unit of work
CONNECTIONS = 8  # at most, to each address, in each worker process; others wait for their turn
WARM = 2  # of these when a worker starts, before anybody asks
CONNECT_TIMEOUT = 1  # seconds; the proxy is on this machine
STATEMENT_TIMEOUT = 3  # seconds without a byte from the database: give up this connection
LOCK_TIMEOUT = 2  # seconds to wait for a row; shorter than the statement timeout, so the server speaks first
IDLE_LIMIT = 30.0  # seconds a connection may rest in the pool
AGE_LIMIT = 120.0  # seconds until a connection is replaced, so that load returns to a node that came back

# Lost to another transaction. The connection is fine.
_CONFLICTS = {
    1020,  # record has changed since last read (innodb_snapshot_isolation)
    1062,  # duplicate key: somebody else was first; the next attempt will find their row
    1205,  # lock wait timeout
    1213,  # deadlock, and Galera's certification conflict
}
# This connection, or the node behind it, is of no use now. Another one may be.
_BROKEN = {
    1040,  # too many connections
    1047,  # WSREP has not yet prepared node for application use
    1053,  # server shutdown in progress
    1158, 1159, 1160, 1161,  # network errors seen by the server
    1180,  # error during commit
    1290,  # the node is read-only
    1317,  # query interrupted
    1927,  # connection was killed
    2002, 2003, 2006, 2013, 2014, 2055,  # cannot connect, gone away, lost
    4031,  # disconnected for inactivity
}  # fmt: skip


class Pool:
    """Connections to one address. Newest first, bounded, and never a dead one."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._slots = threading.BoundedSemaphore(CONNECTIONS)
        self._idle: list[tuple[Connection, float, float]] = []  # connection, born, last used

    @contextmanager
    def lease(self, wait: float) -> Iterator[Connection]:
        """Lend a connection, and take it back unless it may have broken.

        Raises TimeoutError after `wait` seconds without a turn.
        """
        if not self._slots.acquire(timeout=max(wait, 0.0)):
            raise TimeoutError(f"all {CONNECTIONS} connections are busy")
        try:
            connection, born = self._take()
            try:
                yield connection
            except BaseException as error:
                if _rolled_back(connection, error):
                    self._idle.append((connection, born, time.monotonic()))
                else:
                    _close(connection)
                raise
            self._idle.append((connection, born, time.monotonic()))
        finally:
            self._slots.release()

    def warm(self) -> None:
        """Have `WARM` connections. Raises `pymysql.MySQLError`."""
        while len(self._idle) < WARM:
            self._idle.append((*self._new(), time.monotonic()))

    def forget(self) -> None:
        """Close what is idle: where one connection has broken, its neighbours have too."""
        while self._idle:
            with suppress(IndexError):
                _close(self._idle.pop()[0])

    def _take(self) -> tuple[Connection, float]:
        while True:
            try:
                connection, born, used = self._idle.pop()
            except IndexError:
                return self._new()
            now = time.monotonic()
            if now - used < IDLE_LIMIT and now - born < AGE_LIMIT:
                return connection, born
            _close(connection)

    def _new(self) -> tuple[Connection, float]:
        """A connection, and when it was born; some of them are said to be older, so that they do not end together."""
        return _connect(self._address), time.monotonic() - random.uniform(0, AGE_LIMIT / 2)


class Database:
    """The shop's database: one address to write at, one to read at."""

    def __init__(self, writer: Address, reader: Address) -> None:
        self._writer = Pool(writer)
        self._reader = Pool(reader)

    def write(self, work: Work[T], patience: float = PATIENCE) -> T:
        """Run `work` in one transaction at the writer and commit it. Raises UnavailableError."""

        def transaction(connection: Connection) -> T:
            connection.begin()
            with connection.cursor() as cursor:
                result = work(cursor)
            connection.commit()
            return result

        return _persist([self._writer], transaction, patience)

    def read(self, work: Work[T]) -> T:
        """Read at any node, which may be a moment behind; at the writer when no node answers."""
        return _persist([self._reader, self._writer], _look(work), PATIENCE)

    def read_latest(self, work: Work[T]) -> T:
        """Read at the writer: sees everything that was ever acknowledged."""
        return _persist([self._writer], _look(work), PATIENCE)

    def warm(self) -> None:
        """Connect before anybody asks, so that the first customers wait no longer than the next ones.

        Without a database: nothing, and they wait as they would have.
        """
        for pool in (self._writer, self._reader):
            with suppress(pymysql.MySQLError):
                pool.warm()

    def ready(self) -> None:
        """Is there a database, with the shop's tables? Little patience: about a second. Raises UnavailableError."""
        _persist([self._writer], _look(lambda cursor: cursor.execute("SELECT 1 FROM products LIMIT 1")), 1.0)


def _look(work: Work[T]) -> Callable[[Connection], T]:
    def reading(connection: Connection) -> T:
        with connection.cursor() as cursor:
            return work(cursor)

    return reading


def _persist(pools: list[Pool], attempt: Callable[[Connection], T], patience: float) -> T:
    """Repeat `attempt` until it succeeds, fails for good, or `patience` seconds have passed."""
    deadline = time.monotonic() + patience
    turn = 0
    while True:
        pool = pools[turn % len(pools)]
        try:
            with pool.lease(wait=deadline - time.monotonic()) as connection:
                return attempt(connection)
        except TimeoutError as error:
            raise UnavailableError(str(error)) from error
        except pymysql.MySQLError as error:
            code = _code(error)
            if code not in _CONFLICTS:
                if not _is_broken(error, code):
                    raise
                pool.forget()
            pause = min(0.4, 0.02 * 2**turn) * random.uniform(0.5, 1.5)
            if time.monotonic() + pause > deadline:
                raise UnavailableError(
                    f"{type(error).__name__} {code}: {error.args[-1] if error.args else ''}"
                ) from error
            turn += 1
            time.sleep(pause)


def _code(error: pymysql.MySQLError) -> int:
    """The server's or the client's number for what went wrong; 0 when there is none."""
    return error.args[0] if error.args and isinstance(error.args[0], int) else 0


def _rolled_back(connection: Connection, error: BaseException) -> bool:
    """After `error`: undo what was begun, and say whether the connection can be used again."""
    if not isinstance(error, Exception) or (isinstance(error, pymysql.MySQLError) and _code(error) not in _CONFLICTS):
        return False
    try:
        connection.rollback()
    except pymysql.MySQLError:
        return False
    return True


def _is_broken(error: pymysql.MySQLError, code: int) -> bool:
    """InterfaceError is PyMySQL's word for a closed socket, InternalError for an answer cut in half."""
    return code in _BROKEN or isinstance(error, pymysql.err.InterfaceError) or "sequence" in str(error)


@cache
def _verified(authority: str) -> ssl.SSLContext:
    """One for all connections: reading the file again for each would cost more than the handshake."""
    return ssl.create_default_context(cafile=authority)


def _connect(address: Address) -> Connection:
    connection = pymysql.connect(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=address.database,
        charset="utf8mb4",
        cursorclass=DictCursor,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=STATEMENT_TIMEOUT,
        write_timeout=STATEMENT_TIMEOUT,
        ssl=_verified(address.authority) if address.authority else None,
        init_command=f"SET time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_TIMEOUT}",
    )
    try:
        with connection.cursor() as cursor:
            # Each statement sees what is committed; a row that changed since we began is no error for us,
            # because the rows that matter are locked before they are judged.
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    except BaseException:
        _close(connection)
        raise
    return connection


def _close(connection: Connection) -> None:
    with suppress(pymysql.MySQLError, OSError):
        connection.close()
    # Python 3.13 leaves OpenSSL's word for a broken connection lying in this thread, and takes it for the answer of the
    # next one, which is well (cpython#148594). An error that is raised, whichever it is, sweeps it away.
    with suppress(ssl.SSLError):
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers("none of them")
