"""The customer: commits one row at a time, as fast as it can, through the proxy on its own machine.

Runs on a machine of the lab, alone, with DATABASE_URL in its environment; the same for every engine but for the
driver. It never tries a row again: each number is committed at most once, so that what was acknowledged can be looked
up afterwards. What happens goes to standard output, a line each, with the machine's monotonic clock:

    server ADDRESS WHEN    a connection is there, to this server
    row NUMBER WHEN        the commit of this row was acknowledged
    error WHEN WHY         a row or a connection failed

`client.py prepare` makes the table, `client.py work TRIAL` commits until it is ended, `client.py look TRIAL` prints the
numbers that are there.
"""

import os
import select
import sys
import time
import urllib.parse

# Seconds that a connection or a statement may take before it counts as failed.
LIMIT = 1.0
PAUSE = 0.01
MOST_ROWS = 200_000
LONGEST = 240.0
TABLE = "CREATE TABLE IF NOT EXISTS outlast_peers (trial BIGINT, number BIGINT, PRIMARY KEY (trial, number))"


def main():
    verb, *rest = sys.argv[1:]
    url = urllib.parse.urlsplit(os.environ["DATABASE_URL"])
    connect, who = POSTGRESQL if url.scheme.startswith("postgres") else MARIADB
    if verb == "work":
        work(lambda: connect(url), who, int(rest[0]))
        return
    connection = connect(url)
    if verb == "prepare":
        ask(connection, TABLE)
    else:
        for (number,) in ask(connection, f"SELECT number FROM outlast_peers WHERE trial = {int(rest[0])}"):
            say("there", number)


def work(connect, who, trial):
    """Commit row after row; a connection that failed is replaced at once."""
    ends, connection, number = time.monotonic() + LONGEST, None, 0
    while number < MOST_ROWS and time.monotonic() < ends:
        try:
            if connection is None:
                connection = connect()
                ((server,),) = ask(connection, who)
                say("server", server, time.monotonic())
            number += 1
            ask(connection, f"INSERT INTO outlast_peers VALUES ({trial}, {number})")
            say("row", number, time.monotonic())
        except Exception as error:  # noqa: BLE001 - both drivers', and those of the sockets below them
            say("error", time.monotonic(), type(error).__name__, *str(error).split())
            close(connection)
            connection = None
            time.sleep(PAUSE)


def ask(connection, statement):
    cursor = connection.cursor()
    cursor.execute(statement)
    return cursor.fetchall() if cursor.description else ()


def close(connection):
    try:
        if connection is not None:
            connection.close()
    except Exception as error:  # noqa: BLE001 - it is broken already
        say("error", time.monotonic(), "at closing:", *str(error).split())


def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def mariadb(url):
    import pymysql

    authority = dict(urllib.parse.parse_qsl(url.query)).get("ssl_ca")
    return pymysql.connect(
        host=url.hostname,
        port=url.port,
        user=url.username,
        password=url.password or "",
        database=url.path[1:],
        ssl_ca=authority,
        connect_timeout=LIMIT,
        read_timeout=LIMIT,
        write_timeout=LIMIT,
        autocommit=True,
    )


def postgresql(url):
    import psycopg2
    import psycopg2.extensions

    # libpq has no limit of its own for an answer, so that the waiting is done here.
    psycopg2.extensions.set_wait_callback(wait)
    connection = psycopg2.connect(
        host=url.hostname, port=url.port, user=url.username, dbname=url.path[1:], sslmode="disable"
    )
    connection.autocommit = True
    return connection


def wait(connection):
    """Wait for libpq, at most LIMIT seconds in all."""
    from psycopg2.extensions import POLL_OK, POLL_READ

    ends = time.monotonic() + LIMIT
    while (state := connection.poll()) != POLL_OK:
        reads, writes = ([connection], []) if state == POLL_READ else ([], [connection])
        left = ends - time.monotonic()
        if left <= 0 or not any(select.select(reads, writes, [], left)):
            # The driver leaves the connection half used: it must not be asked again.
            connection.close()
            raise TimeoutError(f"no answer in {LIMIT} s")


MARIADB = (mariadb, "SELECT @@bind_address")
POSTGRESQL = (postgresql, "SELECT host(inet_server_addr())")

if __name__ == "__main__":
    main()
