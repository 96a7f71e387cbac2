"""What the programs of the database share: where things are, and what the data folder says of itself."""

import json
import os
import re
import socket
import subprocess
import time
from pathlib import Path

CONFIG = "/etc/outlast/galera/my.cnf"
MEMBER = Path("/etc/outlast/galera/member.json")
ACCOUNTS = Path("/etc/outlast/galera/accounts.json")
DATA = Path("/var/lib/mysql")
SOCKET = Path("/run/mysqld/mysqld.sock")
# Exists while the data folder holds nothing that was ever part of a cluster: what is in it may be thrown away.
FRESH = Path("/var/lib/outlast-galera/fresh")
# The request to start a new cluster: taken once, by the next start, and worth nothing when it is old.
REQUEST = Path("/run/outlast-galera/bootstrap")
REQUEST_LIMIT = 120.0
STARTED = Path("/run/outlast-galera/started.json")
LOCK = Path("/run/outlast-galera/lock")
# Exists from the moment this member is told to stop: it still serves, and asks clients to go elsewhere.
LEAVING = Path("/run/outlast-galera/leaving")
NO_UUID = "00000000-0000-0000-0000-000000000000"


def member():
    return json.loads(MEMBER.read_text("utf-8"))


def mariadbd():
    """How MariaDB is called. The addresses of the others are not in my.cnf, so that a growing cluster restarts nobody."""
    group, donors = ",".join(member()["group"]), ",".join(member()["donors"])
    argv = ["/usr/sbin/mariadbd", f"--defaults-file={CONFIG}", f"--wsrep-cluster-address=gcomm://{group}"]
    # The comma at the end means: otherwise anybody.
    return [*argv, f"--wsrep-sst-donor={donors},"]


def provider_options():
    """What my.cnf says to the Galera library: one text, which cannot be added to elsewhere."""
    return re.search(r'^wsrep_provider_options = "(.*)"$', Path(CONFIG).read_text("utf-8"), re.MULTILINE)[1]


def noted():
    """What the last start found out before MariaDB ran; None before the first one, and while one is at it."""
    try:
        return json.loads(STARTED.read_text("utf-8"))
    except FileNotFoundError:
        return None


def saved_state():
    """(uuid, seqno) of grastate.dat: seqno -1 while running and after a crash; no uuid: the copy is incomplete."""
    try:
        text = (DATA / "grastate.dat").read_text("utf-8")
    except FileNotFoundError:
        return "", -1
    fields = dict(re.findall(r"^(\w+):\s*(\S+)", text, re.MULTILINE))
    uuid = fields.get("uuid", NO_UUID)
    return ("" if uuid == NO_UUID else uuid), int(fields.get("seqno", -1))


def holds():
    """What the data folder holds: `nothing`, `data`, or an `incomplete` copy that must never be a source."""
    if saved_state()[0]:
        return "data"
    empty = not DATA.is_dir() or not any(DATA.iterdir())
    return "nothing" if empty or FRESH.exists() else "incomplete"


def recover(limit):
    """(uuid, seqno) of a member that does not run. Raises `TimeoutError` or `ValueError` when it cannot be told."""
    uuid, seqno = saved_state()
    if seqno >= 0:
        return uuid, seqno
    # After a crash the position is in InnoDB only: this is a start that recovers, says where it is, and ends.
    argv = [*mariadbd(), "--wsrep-recover", "--disable-log-error", "--skip-networking"]
    user = {"user": "mysql", "group": "mysql", "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=limit, **user)
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"it did not recover within {limit:g} s") from None
    text = (done.stdout + done.stderr).decode("utf-8", "replace")
    found = re.search(r"Recovered position:\s*([0-9a-f-]{36}):(-?\d+)", text)
    if not found:
        raise ValueError(f"its recovery named no position; {' | '.join(text.splitlines()[-3:])}")
    return found[1], int(found[2])


def listens(limit=1.0):
    """Whether MariaDB has begun to serve. While it waits for a cluster its socket is there and refuses everybody; one
    that hangs accepts, and says nothing."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(limit)
        try:
            connection.connect(str(SOCKET))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
    return True


def asked_to_bootstrap():
    """Whether the request for a new cluster is there and recent."""
    try:
        return abs(time.time() - REQUEST.stat().st_mtime) < REQUEST_LIMIT
    except FileNotFoundError:
        return False
