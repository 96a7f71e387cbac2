"""Before HAProxy is told to stop: requests under way are answered, and nobody waits for those who say nothing.

After a soft stop HAProxy stays as long as any connection does, and a browser keeps one for a minute although it asks
nothing. Whoever comes meanwhile waits for the next process.
"""

import os
import signal
import socket
import sys
import time

MASTER = "/run/outlast-haproxy/master.sock"
# Whoever has just connected says what is wanted; requests under way get so long; between two looks. Seconds.
BEGIN, LIMIT, PAUSE = 0.1, 8.0, 0.02
PATIENCE = 1.0
# The connection over which it is asked is one as well.
OWN = "fe=GLOBAL"


def main():
    process = int(sys.argv[1])
    # The soft stop: no new connections.
    os.kill(process, signal.SIGUSR1)
    end = time.monotonic() + LIMIT
    time.sleep(BEGIN)
    while time.monotonic() < end and answers(process):
        time.sleep(PAUSE)


def answers(process):
    """Whether it still answers a request. One that says nothing at all is deaf, and answers none."""
    try:
        os.kill(process, 0)
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(PATIENCE)
            control.connect(MASTER)
            control.sendall(b"@1 show sess\n")
            # The master passes on what was asked when nothing more can follow.
            control.shutdown(socket.SHUT_WR)
            with control.makefile(errors="replace") as said:
                return any(line.startswith("0x") and OWN not in line for line in said)
    except OSError:
        return False


# It ended by itself when there is no process.
if __name__ == "__main__" and len(sys.argv) > 1:
    main()
