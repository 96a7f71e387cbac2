"""Moves the writes to another member: this one says for a moment that it is leaving, and stays.

The proxies let it finish nothing: what is under way there ends with a broken connection, and is asked again elsewhere.
Nobody comes back by himself: the proxies remember who is written to.
"""

import sys
import time

import cluster
import neighbours

# The proxies that watch know it at once. Two questions of every other one, and as much again for a busy machine.
LEAVE = 1.0


def main():
    others = [standing for standing in neighbours.standings() if standing == neighbours.PRIMARY]
    if not others:
        sys.exit("no other member could take the writes")
    neighbours.leave()
    try:
        time.sleep(LEAVE)
    finally:
        cluster.LEAVING.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
