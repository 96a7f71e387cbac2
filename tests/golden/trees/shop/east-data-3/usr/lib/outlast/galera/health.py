"""Says over HTTP whether this member may be written to (/writer), read from (/reader), and is in a primary
component (/primary): 200, or 503 with the reason. /state tells all it knows, as JSON.

A proxy that also watches (`watch SECONDS`) is told in the moment in which the member begins to leave: whoever only asks
now and then learns of it by chance, one proxy earlier than another.

It asks the database ten times a second over one connection. An answer that is older than STALE is none: a database
that hangs is not healthy, whatever it said last.
"""

import asyncio
import contextlib
import json
import time

import cluster
import guard
import joining
import neighbours
import room
import sessions

PERIOD = 0.1
# A database stands still for as long when its members agree anew on who they are, all of them at once: to go to another
# one would not help, and two proxies that judged the moment differently would have two members written to.
STALE = 0.50
QUERY_LIMIT = STALE
REQUEST_LIMIT = 2.0
# A donor goes on serving: mariabackup does not block it. When it has given its copy it catches up for a moment as JOINED.
# So does a newcomer, who is not ready for clients before he is synced. One proxy of two that asked in such a moment went
# to another member, and two were written to.
DONOR, JOINED, SYNCED = "2", "3", "4"
SERVING = (DONOR, JOINED, SYNCED)
# A proxy has noticed by then that a member serves: two questions, the time that each may take, and a busy machine.
SETTLED = 1.0
# Changes received and not yet applied: above, a member is too far behind to read from.
LONGEST_QUEUE = 1000
WANTED = ("wsrep_ready", "wsrep_cluster_status", "wsrep_local_state", "wsrep_local_state_comment", "wsrep_local_recv_queue", "wsrep_cluster_size")
QUERY = f"SHOW GLOBAL STATUS WHERE Variable_name IN ({', '.join(repr(name) for name in WANTED)})"


class Watch:
    """The last answer of the database, when it came, when the member was last in a primary component, and since when it
    may be written to (None: it may not)."""

    def __init__(self, now, space):
        self.status, self.space = {}, space
        self.answered = self.serves = None
        self.primary = now
        self.error = "the database has not answered yet"

    def note(self, status, now):
        self.status, self.answered = status, now
        if status.get("wsrep_cluster_status") == "Primary":
            self.primary = now
        if self.trouble("/writer", now):
            self.serves = None
        elif self.serves is None:
            self.serves = now

    def settled(self, now):
        """Whether every proxy knows by now what this member says of itself."""
        return self.serves is None or now - self.serves >= SETTLED

    def trouble(self, path, now):
        """Why not, or an empty text when all is well."""
        if self.answered is None:
            return self.error
        if now - self.answered > STALE:
            return f"the database has not answered for {now - self.answered:.1f} s"
        status = self.status
        if status.get("wsrep_cluster_status") != "Primary":
            return f"not in a primary component ({status.get('wsrep_cluster_status')})"
        if path == "/primary":
            return ""
        if cluster.LEAVING.exists():
            return "it is being stopped"
        if status.get("wsrep_ready") != "ON" or status.get("wsrep_local_state") not in SERVING:
            return f"not synced ({status.get('wsrep_local_state_comment')})"
        if path == "/writer" and self.space.trouble():
            return self.space.trouble()
        if path == "/reader" and int(status.get("wsrep_local_recv_queue", 0)) > LONGEST_QUEUE:
            return f"{status['wsrep_local_recv_queue']} changes behind"
        return ""


def ask_for_ever(watch, askers):
    """In a thread of its own, because the driver waits."""
    import pymysql

    connection = guarding = arrival = run = None
    entry = joining.Joining(neighbours.standings, joining.end)
    while True:
        began = time.monotonic()
        try:
            watch.space.step(began)
            entry.step(began)
            if connection is None:
                connection = pymysql.connect(
                    unix_socket=str(cluster.SOCKET), user="mysql", autocommit=True,
                    connect_timeout=1, read_timeout=QUERY_LIMIT, write_timeout=QUERY_LIMIT,
                )
                before, guarding = guarding, guard.Guard(connection.cursor().execute, neighbours.standings, guard.end_database)
                arrival = joining.Arrival(connection.cursor().execute)
                last, run = run, (cluster.noted() or {}).get("invocation")
                if before is not None and last == run:
                    # Another connection to the same MariaDB, which has arrived long ago.
                    guarding.arrives_until = before.arrives_until
            with connection.cursor() as cursor:
                cursor.execute(QUERY)
                watch.note({name: value for name, value in cursor.fetchall()}, time.monotonic())
            arrival.step(watch.status)
            for address in askers.gone(time.monotonic()):
                with connection.cursor() as cursor:
                    sessions.end(cursor, address)
            guarding.step(watch.status, time.monotonic())
        except (pymysql.MySQLError, OSError) as error:
            watch.error = f"the database does not answer: {error}"
            if connection is not None:
                connection._force_close()
            connection = None
        time.sleep(max(0.02, PERIOD - (time.monotonic() - began)))


class Leave:
    """Tells those who watch that this member leaves, at once, in the words of HAProxy's agent protocol."""

    def __init__(self):
        self.changed = asyncio.Event()

    def look(self):
        """Somebody says that it may have changed: whoever watches looks."""
        self.changed.set()
        self.changed.clear()

    async def watched(self, seconds):
        """What is so now, or becomes so within these seconds."""
        if not cluster.LEAVING.exists():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.changed.wait(), min(seconds, REQUEST_LIMIT / 2))
        return "down #it is being stopped\n" if cluster.LEAVING.exists() else "up\n"


def answer(watch, path, now):
    """(status, body) of one request."""
    if path == "/state":
        fresh = watch.answered is not None and now - watch.answered <= STALE
        known = {"status": watch.status if fresh else None, "without_primary": now - watch.primary}
        return "200 OK", json.dumps(known)
    if path == neighbours.LOOK:
        return "200 OK", "yes\n"
    if path == neighbours.SETTLED:
        return ("200 OK", "yes\n") if watch.settled(now) else (neighbours.NOT_YET, "it has just begun to serve\n")
    if path not in ("/writer", "/reader", "/primary"):
        return "404 Not Found", "ask for /writer, /reader, /primary or /state\n"
    trouble = watch.trouble(path, now)
    return ("503 Service Unavailable", f"{trouble}\n") if trouble else ("200 OK", "yes\n")


async def serve(watch, askers, leave, reader, writer):
    try:
        async with asyncio.timeout(REQUEST_LIMIT):
            head = await reader.readuntil(b"\r\n\r\n")
            words = head.split(b"\r\n", 1)[0].decode("latin-1").split()
            path, now = words[1] if len(words) > 1 else "", time.monotonic()
            if words[:1] == ["watch"]:
                writer.write((await leave.watched(float(path))).encode())
                await writer.drain()
                return
            if path == neighbours.LOOK:
                leave.look()
            if path == "/writer":
                # Only a proxy wants to know.
                askers.heard(writer.get_extra_info("peername")[0], now)
            status, body = answer(watch, path, now)
            text = f"HTTP/1.1 {status}\r\nContent-Length: {len(body.encode())}\r\nConnection: close\r\n\r\n{body}"
            writer.write(text.encode())
            await writer.drain()
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ConnectionError, ValueError):
        pass
    finally:
        writer.close()


async def main():
    own = cluster.member()
    space = room.Room(room.left, neighbours.standings, guard.end_database)
    watch, askers, leave = Watch(time.monotonic(), space), sessions.Askers(), Leave()
    server = await asyncio.start_server(lambda r, w: serve(watch, askers, leave, r, w), own["address"], own["health_port"])
    # When the thread ends the process must end too, and be started again.
    await asyncio.wait(
        [asyncio.create_task(server.serve_forever()), asyncio.create_task(asyncio.to_thread(ask_for_ever, watch, askers))],
        return_when=asyncio.FIRST_COMPLETED,
    )
    raise SystemExit(1)


if __name__ == "__main__":
    asyncio.run(main())
