"""Starts etcd as a member of its cluster. It never founds a cluster unless it was asked to, once, just now.

A member with data goes on with it. One without joins whatever majority answers, and waits while none does. One that had
been a member before lost its data with its machine; it must leave first, because a member that forgot what it agreed to
could agree to the contrary.
"""

import json
import os
import shutil
import sys
import time

import member

ASK_LIMIT = 3.0
# Founders start together and cannot answer yet: who listens and says nothing is given up sooner.
FOUNDER_ASK_LIMIT = 1.0
BETWEEN_LOOKS = 1.0
# A change of the members is refused for the first seconds after another one.
CHANGE_ATTEMPTS = 20


def main():
    asked = member.request()
    note(asked)
    member.REQUEST.unlink(missing_ok=True)
    cluster, state, anew = with_data(asked) if member.holds_data() else without_data(asked)
    text = (member.FACTS.parent / "etcd.yaml").read_text("utf-8")
    for marker, value in (("@CLUSTER@", cluster), ("@STATE@", state), ("@ANEW@", "true" if anew else "false")):
        text = text.replace(marker, value)
    config = member.RUN / "etcd.yaml"
    config.write_text(text, "utf-8")
    os.execv("/usr/bin/etcd", ["/usr/bin/etcd", "--config-file", str(config)])


def with_data(asked):
    """(initial cluster, its state, whether to found anew): with data, etcd knows the members itself."""
    anew = asked == member.ANEW
    if anew and member.members(ASK_LIMIT) is not None:
        print("refuses to found the cluster anew: a majority answers", file=sys.stderr)
        anew = False
        note("")
    return founders(), "existing", anew


def without_data(asked):
    shutil.rmtree(member.DATA / "member", ignore_errors=True)
    founds, said = asked == member.NEW, False
    while True:
        listed = member.members(FOUNDER_ASK_LIMIT if founds else ASK_LIMIT)
        if listed is not None:
            if founds:
                note("")
            return join(listed)
        if founds:
            return founders(), "new", False
        if not said:
            print("holds no data: waits for a majority that it can join", file=sys.stderr)
            said = True
        time.sleep(BETWEEN_LOOKS)


def join(listed):
    own = member.facts()["peer"]
    # Its name at another address is this member on a machine that is gone. As a further member the new one would make
    # a majority larger than those who can answer.
    for each in [each for each in listed if each.get("name") == member.facts()["member"] and own not in each["peerURLs"]]:
        change("remove", f"{each['ID']:x}")
        listed = [other for other in listed if other is not each]
    mine = next((each for each in listed if own in each["peerURLs"]), None)
    if mine and mine.get("name") and not mine.get("clientURLs"):
        # One of the founders, which never started.
        return founders(), "new", False
    if mine and mine.get("name"):
        change("remove", f"{mine['ID']:x}")
    if not mine or mine.get("name"):
        # The answer names everybody. Who joins a single member is needed for a majority from now on: nobody could be
        # asked any more.
        listed = change("add", member.facts()["member"], f"--peer-urls={own}")["members"]
    # It must name exactly the members that there are; of those that have no name yet only the address counts.
    return ",".join(f"{name(each)}={each['peerURLs'][0]}" for each in listed), "existing", False


def name(listed):
    is_own = member.facts()["peer"] in listed["peerURLs"]
    return member.facts()["member"] if is_own else listed.get("name") or f"{listed['ID']:x}"


def change(*words):
    for _ in range(CHANGE_ATTEMPTS):
        answer = member.ask_others("member", *words, limit=ASK_LIMIT)
        if answer is not None:
            return answer
        time.sleep(BETWEEN_LOOKS)
    sys.exit(f"`member {words[0]}` was refused {CHANGE_ATTEMPTS} times")


def founders():
    return ",".join(f"{name}={url}" for name, url in member.facts()["cluster"].items())


def note(asked):
    """What this very run was asked to do, and since when it runs: for the probe."""
    known = {"invocation": os.environ.get("INVOCATION_ID", ""), "since": time.monotonic(), "asked": asked}
    beside = member.STARTED.with_suffix(".new")
    beside.write_text(json.dumps(known), "utf-8")
    beside.rename(member.STARTED)


if __name__ == "__main__":
    os.umask(0o077)
    main()
