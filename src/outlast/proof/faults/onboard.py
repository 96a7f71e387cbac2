"""Runs ON the machine: looks at its network, starts and stops the units of faults. Standard library only, Python 3.11+.

One JSON document in, one out, as with the lander. What a fault is, the sender has decided: this must never know kinds.
"""

# pyright: basic
# Everything here comes from one JSON document and goes into one: the types stand on the sender's side.

import json
import os
import subprocess
import sys
import time
from pathlib import Path


def main():
    request = json.load(sys.stdin)
    json.dump(VERBS[request["verb"]](request), sys.stdout)


def survey(request):
    """The interface with the machine's address, and the way to whoever asks."""
    links = json.loads(run("ip", "-json", "address").stdout)
    mine = next(link for link in links if request["address"] in [a["local"] for a in link["addr_info"]])
    operator, port = line()
    route = json.loads(run("ip", "-json", "route", "get", operator).stdout)[0]
    # Tried out where it hurts nobody: in a network of its own.
    delays = run("unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
    return {
        "interface": mine["ifname"],
        "hardware": mine["address"],
        "operator": operator,
        "port": port,
        "hop": route.get("gateway", operator),
        "netem": delays.returncode == 0,
    }


def line():
    """The address that the SSH connection comes from, and the port that it came to.

    sudo takes the variable away, so whoever started us is asked too, and whoever started them.
    """
    process = os.getpid()
    while process > 1:
        for entry in Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
            if entry.startswith(b"SSH_CONNECTION="):
                words = entry.partition(b"=")[2].decode().split()
                return words[0].removeprefix("::ffff:"), int(words[3])
        process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    raise SystemExit("nobody is logged in by SSH here")


def start(request):
    """Start units one after another, or run commands where nothing is to be undone later.

    Answers for how long (s) the first and the last of them has held, or why one does not.
    """
    held = []
    for piece in request["pieces"]:
        if Path(request["block"]).exists():
            return {"refused": "off"}
        began = time.monotonic()
        done = run(*piece["command"])
        if done.returncode != 0:
            return {"refused": "off" if Path(request["block"]).exists() else "failed", "evidence": said(piece, done)}
        since = run("systemctl", "show", "--property=ActiveEnterTimestampMonotonic", "--value", piece["unit"]).stdout
        # A unit that is over already has forgotten it.
        held.append(int(since) / 1e6 if since.strip().strip("0") else began)
    now = time.monotonic()
    return {"first": now - min(held), "last": now - max(held)}


def said(piece, done):
    log = run("journalctl", f"_SYSTEMD_UNIT={piece['unit']}", "--output=cat", "--lines=6", "--no-pager").stdout
    return (done.stderr + log).strip().splitlines()[-8:]


def stop(request):
    """Stop units by their names or patterns; those that are gone are no failure. Answers which were still there."""
    found = run("systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", *request["units"]).stdout
    names = [words.split()[0] for words in found.splitlines() if words.strip()]
    if names:
        run("systemctl", "stop", *names)
    return {"stopped": names}


def block(request):
    """Refuse faults from now on, or no more."""
    path = Path(request["block"])
    if request["on"]:
        path.unlink(missing_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return {}


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


VERBS = {"survey": survey, "start": start, "stop": stop, "block": block}

if __name__ == "__main__":
    main()
