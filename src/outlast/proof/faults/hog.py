"""Runs ON the machine, as a fault's unit: keeps processors busy or holds memory, until it is ended. Standard library.

`processors N` or `memory MIB SHARE`: the smaller one of so many MiB and that share of what is available.
"""

# pyright: basic

import os
import socket
import sys
import time
from pathlib import Path

STEP = 8 * 1024**2


def main():
    what, *numbers = sys.argv[1:]
    {"processors": processors, "memory": memory}[what](*map(float, numbers))


def processors(count):
    for _ in range(int(count) - 1):
        if os.fork() == 0:
            break
    while True:
        pass


def memory(mib, share):
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    wanted = min(mib * 1024**2, share * int(fields["MemAvailable"].split()[0]) * 1024)
    held = []
    while len(held) * STEP < wanted:
        # Written to: pages that nobody touched are not there.
        held.append(bytearray(b"x") * STEP)
    ready()
    while True:
        time.sleep(3600)


def ready():
    """Source: sd_notify(3)."""
    path = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)


if __name__ == "__main__":
    main()
