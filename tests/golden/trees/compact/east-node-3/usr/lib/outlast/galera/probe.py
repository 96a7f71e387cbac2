"""Prints what is known of this member as JSON, within 5 s, whether MariaDB runs, waits, hangs or is stopped."""

import fcntl
import json
import os
import subprocess
import time

import accounts
import cluster

ANSWER_LIMIT = 1.0
RECOVERY_LIMIT = 3.0
WANTED = (
    "wsrep_ready", "wsrep_cluster_status", "wsrep_local_state", "wsrep_local_state_comment", "wsrep_local_state_uuid",
    "wsrep_last_committed", "wsrep_cluster_size",
)


def main():
    service = unit("outlast-galera.service")
    alive = service.get("MainPID", "0") != "0"
    note = started(service.get("InvocationID", "")) if alive else None
    server, error = ask()
    uuid, seqno, unknown = position(alive, note, server)
    print(json.dumps({
        "alive": alive,
        "holds": note["holds"] if note else cluster.holds(),
        "position": f"{uuid}:{seqno}" if uuid else None,
        "position_unknown": unknown,
        "bootstrapping": cluster.asked_to_bootstrap() or bool(server is None and note and note["bootstrap"]),
        "without_primary": without_primary(note, server),
        "status": server["status"] if server else None,
        "error": error,
        "accounts": {"wanted": accounts.wanted_digest(), "applied": server["accounts"] if server else None},
    }))


def unit(name):
    argv = ["systemctl", "show", name, "--property", "MainPID,InvocationID,ActiveState"]
    text = subprocess.run(argv, capture_output=True, text=True, timeout=3).stdout
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def started(invocation):
    """What this very run found out before it started MariaDB; None when it is still at it."""
    note = cluster.noted()
    return note if note and note["invocation"] == invocation else None


def ask():
    """What the server says of itself, or None and why."""
    if not cluster.listens():
        return None, "it does not listen"
    try:
        import pymysql

        with accounts.connect(ANSWER_LIMIT) as connection, connection.cursor() as cursor:
            cursor.execute(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({', '.join(repr(name) for name in WANTED)})")
            status = {name: value for name, value in cursor.fetchall()}
            # Without a primary component it refuses to look into tables.
            known = status.get("wsrep_ready") == "ON"
            return {"status": status, "accounts": accounts.applied_digest(cursor) if known else None}, ""
    except (pymysql.MySQLError, OSError) as error:
        return None, str(error)


def position(alive, note, server):
    """(uuid, seqno, why it is unknown): the highest transaction that this member has committed."""
    if server:
        uuid, seqno = server["status"].get("wsrep_local_state_uuid", cluster.NO_UUID), server["status"].get("wsrep_last_committed", -1)
        if uuid == cluster.NO_UUID or int(seqno) < 0:
            return "", -1, "it answers, but names no position"
        return uuid, int(seqno), ""
    if alive and note is None:
        return "", -1, "it is finding out its position"
    if alive and cluster.listens():
        # It has served since it started: what it knew then is too little now.
        return "", -1, "it runs and does not answer"
    if alive:
        unknown = note["holds"] == "data" and not note["uuid"]
        return note["uuid"], note["seqno"], "its recovery failed, see its log" if unknown else ""
    return at_rest()


def at_rest():
    """The position of a member that does not run."""
    if cluster.holds() != "data":
        return "", -1, ""
    try:
        # Whoever is just starting looks for it as well. Before the first start there is no folder: nobody starts.
        with (cluster.LOCK if cluster.LOCK.exists() else cluster.ACCOUNTS).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            uuid, seqno = cluster.recover(RECOVERY_LIMIT)
            return uuid, seqno, ""
    except (OSError, ValueError, TimeoutError) as error:
        return "", -1, f"its position could not be read: {error}"


def without_primary(note, server):
    """For how many seconds this member has been alive without a primary component; None when it is not alive."""
    if server is None:
        return time.monotonic() - note["since"] if note else None
    if server["status"].get("wsrep_cluster_status") == "Primary":
        return 0.0
    import http.client  # takes longer than all the rest, and is seldom needed

    try:
        own = cluster.member()
        connection = http.client.HTTPConnection(own["address"], own["health_port"], timeout=0.5)
        connection.request("GET", "/state")
        return float(json.loads(connection.getresponse().read())["without_primary"])
    except (OSError, ValueError, http.client.HTTPException):
        return 0.0


if __name__ == "__main__":
    os.umask(0o077)
    main()
