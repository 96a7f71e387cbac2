"""Runs ON the machine: takes, refreshes and releases its lease. Apart from the lander, because it is asked all the time
while a command works, and the lander takes half as much again of the processor to begin.

One JSON document in, one out.
"""

# pyright: basic

import fcntl
import json
import sys

from outlast.apply.onboard.lease import LOCK, change_lease


def main():
    request = json.load(sys.stdin)
    with LOCK.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        json.dump(change_lease(request), sys.stdout)


if __name__ == "__main__":
    main()
