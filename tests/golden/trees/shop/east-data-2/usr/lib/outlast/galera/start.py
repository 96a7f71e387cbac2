"""Starts MariaDB as a member of its cluster. It never founds a cluster unless it was asked to, once, just now.

Joining is always safe: a member that finds no primary component waits for one. What it found out before it
started stands in started.json, so that its position is known while it waits. Whoever joins a cluster that serves does
not wait: see joining.py.
"""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time

import cluster
import joining
import neighbours
import room

# A group that is just agreeing on its members says for a moment that it has no majority.
LOOKS, BETWEEN_LOOKS = 3, 0.6


def main():
    # Held until MariaDB itself runs, so that no probe opens the same files.
    lock = os.open(cluster.LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    cluster.SOCKET.unlink(missing_ok=True)
    cluster.LEAVING.unlink(missing_ok=True)
    holds = prepare()
    run = {"invocation": os.environ.get("INVOCATION_ID", ""), "pid": os.getpid()}
    note = {**run, "since": time.monotonic(), "holds": holds, "joins": None}
    cluster.STARTED.unlink(missing_ok=True)
    uuid, seqno = own_position() if holds == "data" else ("", -1)
    bootstrap = cluster.asked_to_bootstrap()
    note |= {"bootstrap": bootstrap, "uuid": uuid, "seqno": seqno}
    write(note)
    cluster.REQUEST.unlink(missing_ok=True)
    if bootstrap:
        other = somebody_is_primary(looks=1 if holds == "nothing" else LOOKS)
        unfit = holds != "nothing" and not uuid
        if unfit or other:
            print(f"refuses to found a cluster: {other or 'its own copy has no known position'}", file=sys.stderr)
            bootstrap = note["bootstrap"] = False
            write(note)
    wait_for_room()
    argv = cluster.mariadbd()
    if bootstrap:
        found(holds)
        # The addresses count for nothing then.
        argv += ["--wsrep-new-cluster"]
    elif neighbours.primary_elsewhere():
        forget_old_view()
        argv += [joining.options()]
        note["joins"] = time.monotonic()
    if uuid:
        argv += [f"--wsrep-start-position={uuid}:{seqno}"]
    write(note)
    os.execv(argv[0], argv)


def wait_for_room():
    """A member without room would join, hang, and hold up all others."""
    if room.left() < room.SHORT:
        print(f"waits: {room.left() // 1024**2} MiB are left for the data, {room.AGAIN // 1024**2} MiB are needed", flush=True)
        while room.left() < room.AGAIN:
            time.sleep(1)


def own_position():
    try:
        return cluster.recover(3600)
    except ValueError as error:
        # It may still join a cluster that exists, which then gives it what it lacks. It can never found one.
        print(error, file=sys.stderr)
        return "", -1


def prepare():
    """The data folder as a start needs it; answers what it holds. Only what never was part of a cluster is removed."""
    holds = cluster.holds()
    if holds == "data":
        cluster.FRESH.unlink(missing_ok=True)
    elif holds == "nothing":
        cluster.FRESH.touch()
        for entry in cluster.DATA.iterdir():
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
    return holds


def found(holds):
    """Make the data folder the source of a new cluster."""
    if holds == "nothing":
        argv = ["/usr/bin/mariadb-install-db", f"--defaults-file={cluster.CONFIG}", "--skip-test-db", "--skip-name-resolve"]
        # Administration is by root over the unix socket, the rest by the system user mysql; no account has a password.
        argv += ["--auth-root-authentication-method=socket", "--auth-root-socket-user=mysql", "--wsrep-on=OFF"]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return
    forget_old_view()
    path = cluster.DATA / "grastate.dat"
    path.write_text(path.read_text("utf-8").replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"), "utf-8")


def somebody_is_primary(looks):
    for look in range(looks):
        if look:
            time.sleep(BETWEEN_LOOKS)
        address = neighbours.primary_elsewhere()
        if address:
            return f"{address} is in a primary component"
    return ""


def forget_old_view():
    """A member that remembers its old view disturbs the others when it joins them (it proposes that view again)."""
    (cluster.DATA / "gvwstate.dat").unlink(missing_ok=True)


def write(note):
    temporary = cluster.STARTED.with_suffix(".new")
    temporary.write_text(json.dumps(note), "utf-8")
    temporary.replace(cluster.STARTED)


if __name__ == "__main__":
    main()
