"""Sets the data of this member aside when a majority that answers knows it no longer: then it can join anew.

Only with etcd stopped. Nothing is removed: the data stays beside its old place.
"""

import sys
import time

import member

ASK_LIMIT = 3.0


def main():
    listed = member.members(ASK_LIMIT)
    if listed is None:
        sys.exit("no majority answers: its own data may be needed")
    log = member.own_log()
    if log.member in {f"{each['ID']:x}" for each in listed}:
        print("the members know it: its data stays")
        return
    member.DATA.rename(member.DATA.with_name(f"aside-{log.member}-{time.time():.0f}"))


if __name__ == "__main__":
    main()
