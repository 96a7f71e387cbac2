"""Prints what is known of this member as JSON, within 5 s, whether etcd runs, waits, hangs or is stopped."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import member

ANSWER_LIMIT = 1.5
# How long a run may still be at what it was asked for. Founding anew needs nobody else, so only the reading of its data.
AT_IT_LIMIT = {member.NEW: member.REQUEST_LIMIT, member.ANEW: 30.0}


def main():
    since, asked = started()
    status, health, members = answers() if since is not None else (None, None, None)
    cluster, own, committed, unknown = log(status)
    print(json.dumps({
        "alive_for": None if since is None else time.monotonic() - since,
        "asked": "" if asked == member.NEW and has_founded(committed) else asked,
        "holds": "data" if member.holds_data() else "nothing",
        "cluster": cluster,
        "member": own,
        "committed": committed,
        "unknown": unknown,
        "status": status,
        "health": health,
        "members": members,
    }))


def started():
    """(when this run started, None when none does; what this member was asked to found and has not founded yet)."""
    argv = ["systemctl", "show", "outlast-etcd.service", "--property", "MainPID,InvocationID"]
    text = subprocess.run(argv, capture_output=True, text=True, timeout=3).stdout
    service = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if service.get("MainPID", "0") == "0":
        return None, member.request()
    try:
        note = json.loads(member.STARTED.read_text("utf-8"))
    except FileNotFoundError:
        note = {}
    if note.get("invocation") != service["InvocationID"]:
        return time.monotonic(), member.request()
    is_at_it = time.monotonic() - note["since"] < AT_IT_LIMIT.get(note["asked"], 0.0)
    return note["since"], member.request() or (note["asked"] if is_at_it else "")


def has_founded(committed):
    """Whether this member's data is of a cluster that exists: it knows more to be agreed than the one entry for each
    founder that all of them begin with. Who lost that cluster's majority since is not at founding it, and who cannot
    tell counts as not."""
    return member.holds_data() and (committed is None or committed > len(member.facts()["cluster"]))


def answers():
    """(what the member says of itself, whether a majority agrees to a read, the members as a majority lists them)."""
    url = [member.facts()["client"]]
    questions = (("endpoint", "status"), ("endpoint", "health"), ("member", "list"))
    if not member.listens(url[0]):
        return None, None, None
    with ThreadPoolExecutor(len(questions)) as pool:
        status, health, listed = pool.map(lambda words: member.ask(url, *words, limit=ANSWER_LIMIT), questions)
    members = [f"{each['ID']:x}" for each in listed["members"]] if listed else None
    return status[0]["Status"] if status else None, health[0] if health else None, members


def log(status):
    """(cluster, member, committed, why that is unknown): of the log, which says it of a member that waits too."""
    if not member.holds_data():
        return "", "", None, ""
    try:
        own = member.own_log()
    except (OSError, ValueError, KeyError) as error:
        header = status["header"] if status else None
        named = (f"{header['cluster_id']:x}", f"{header['member_id']:x}") if header else ("", "")
        return (*named, None, f"its log could not be read: {error}")
    return own.cluster, own.member, own.committed, ""


if __name__ == "__main__":
    main()
