"""What the programs of one etcd member share: who belongs to the cluster, what this member holds, how others are asked."""

import json
import os
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import wal

FACTS = Path("/etc/outlast/etcd/member.json")
DATA = Path("/var/lib/outlast-etcd/data")
RUN = Path("/run/outlast-etcd")
REQUEST = RUN / "found"
STARTED = RUN / "started.json"
# A request to found a cluster that is older is worth nothing: too much may have happened since.
REQUEST_LIMIT = 120.0
NEW, ANEW = "new", "anew"
KNOCK_LIMIT = 0.5


def facts():
    return json.loads(FACTS.read_text("utf-8"))


def log_folder():
    return DATA / "member" / "wal"


def holds_data():
    """Without a log it never was a member: a join that failed leaves an empty database behind."""
    return any(log_folder().glob("*.wal"))


def own_log():
    """What this member's log says. Raises `ValueError` or `OSError` when it cannot be read."""
    return wal.read(log_folder())


def request():
    """What this member was asked to found, just now: NEW, ANEW or an empty text."""
    try:
        recent = abs(time.time() - REQUEST.stat().st_mtime) < REQUEST_LIMIT
        return REQUEST.read_text("utf-8").strip() if recent else ""
    except FileNotFoundError:
        return ""


def members(limit):
    """Every member as the others list them, or None: only a majority answers."""
    answer = ask_others("member", "list", limit=limit)
    return answer["members"] if answer else None


def ask_others(*words, limit):
    """What the others answer; whoever does not even listen costs nothing."""
    urls = facts()["others"]
    with ThreadPoolExecutor(len(urls) or 1) as pool:
        listening = [url for url, listens in zip(urls, pool.map(listens, urls)) if listens]
    return ask(listening, *words, limit=limit) if listening else None


def ask(urls, *words, limit):
    """The one place where etcdctl is called: its answer as a value, or None."""
    argv = ["/usr/bin/etcdctl", f"--endpoints={','.join(urls)}", *facts()["credentials"]]
    argv += ["--dial-timeout=1s", f"--command-timeout={limit * 1000:.0f}ms", "--write-out=json", *words]
    environment = {**os.environ, "ETCDCTL_API": "3"}
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=limit + 1, env=environment)
        # `endpoint health` says on standard output what is wrong, and fails.
        return json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return None


def listens(url):
    """Whether somebody accepts connections there; etcd does before it answers."""
    host, _, port = url.rpartition("//")[2].rpartition(":")
    try:
        socket.create_connection((host, int(port)), KNOCK_LIMIT).close()
    except OSError:
        return False
    return True
