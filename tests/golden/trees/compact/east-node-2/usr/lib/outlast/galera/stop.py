"""Before MariaDB is told to stop: lets clients go elsewhere first, or ends a member that never served at once.

A member that waits for a cluster does not hear that it shall stop. It has changed nothing since it started.
"""

import os
import signal
import sys
import time

import cluster
import neighbours

# The proxies that watch know it at once. Two questions of every other one, and some time to close connections.
LEAVE = 0.5


def main():
    if not cluster.listens():
        os.kill(int(sys.argv[1]), signal.SIGKILL)
        return
    neighbours.leave()
    time.sleep(LEAVE)


if __name__ == "__main__":
    main()
