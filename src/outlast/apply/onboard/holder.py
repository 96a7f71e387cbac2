"""Runs ON the machine: takes, refreshes and releases its lease. Apart from the lander, because it is asked all the time
while a command works, and the lander takes half as much again of the processor to begin.

One JSON document in, one out.
"""

# pyright: basic

import json
import sys

from outlast.apply.onboard.lease import alone, change_lease


def main():
    request = json.load(sys.stdin)
    with alone():
        json.dump(change_lease(request), sys.stdout)


if __name__ == "__main__":
    main()
