"""The machine's own word on who may change it now: one operator at a time, wherever they sit.

A lease lives in memory-backed /run and is gone with a reboot. Its age is counted on the machine's own clock since
its boot, so nobody's wall clock matters. Not refreshed for `ttl` seconds it is stale, and whoever asks next gets it.

Of the site's own controllers only one leads. Each leader has a higher tenure than those before it; the highest that was
seen here is kept, so a leader that does not know yet that it is deposed changes nothing any more.
"""

# pyright: basic

import contextlib
import fcntl
import json
import pathlib
import time

# Held while anything is changed, the lease too. In memory: a server that was given back keeps no trace of a question.
LOCK = pathlib.Path("/run/outlast-lander.lock")
LEASE = pathlib.Path("/run/outlast-lease.json")
TENURE = pathlib.Path("/var/lib/outlast/tenure")


@contextlib.contextmanager
def alone():
    """Nobody else changes anything on this machine meanwhile."""
    with LOCK.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def change_lease(request):
    """`do`: take, refresh or release. Answers whether it is held now, by whom otherwise, and whose stale one it was."""
    mine, current = request["holder"], read_lease()
    is_mine = bool(current) and current["holder"]["id"] == mine["id"]
    if request["do"] == "release":
        if is_mine:
            LEASE.unlink(missing_ok=True)
        return {"held": False}
    if request["do"] == "refresh" and not is_mine:
        return {"held": False, "by": seen_holder(current) if current else None}
    if mine["tenure"] and mine["tenure"] < highest_tenure():
        return {"held": False, "deposed": True}
    if current and not is_mine and lease_lives(current) and not is_over(current["holder"], request):
        return {"held": False, "by": seen_holder(current)}
    remember_tenure(mine["tenure"])
    began = current["began"] if current and is_mine else since_boot()
    temporary = LEASE.with_suffix(".new")
    temporary.write_text(json.dumps({"holder": mine, "ttl": request["ttl"], "began": began, "refreshed": since_boot()}))
    temporary.replace(LEASE)
    return {"held": True, "over": seen_holder(current) if current and not is_mine else None}


def is_over(holder, request):
    """Whether its time is over although it lives: its process is known to be dead, or another controller leads now."""
    return holder["id"] == request["over"] or 0 < holder.get("tenure", 0) < request["holder"]["tenure"]


def highest_tenure():
    try:
        return int(TENURE.read_text("ascii"))
    except (FileNotFoundError, ValueError):
        return 0


def remember_tenure(tenure):
    if tenure > highest_tenure():
        TENURE.parent.mkdir(parents=True, exist_ok=True)
        temporary = TENURE.with_suffix(".new")
        temporary.write_text(str(tenure), "ascii")
        temporary.replace(TENURE)


def other_holder(identifier):
    """The live lease of somebody else, for a person; empty when there is none."""
    current = read_lease()
    if not current or not lease_lives(current) or current["holder"]["id"] == identifier:
        return ""
    holder = current["holder"]
    who = f"{holder['user']} on {holder['host']} (process {holder['process']}, `outlast {holder['verb']}`)"
    return f"{who} has been changing the site for {since_boot() - current['began']:.0f} s"


def read_lease():
    try:
        return json.loads(LEASE.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None


def lease_lives(lease):
    return since_boot() - lease["refreshed"] < lease["ttl"]


def seen_holder(lease):
    return {**lease["holder"], "age": since_boot() - lease["began"], "idle": since_boot() - lease["refreshed"]}


def since_boot():
    return time.monotonic()
