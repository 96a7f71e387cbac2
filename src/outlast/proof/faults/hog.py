"""Runs ON the machine, as a fault's unit: takes processors, memory or a disk until it is ended. Standard library only.

`processors N`, `memory MIB SHARE` (the smaller one of so many MiB and that share of what is available), or
`disk FOLDER MIB`: fills the file system of a folder until so many MiB are left. What it holds is its process's own: all
of it is free again when that ends, however it ends. It must never fill a disk that is not the machine's own.
"""

# pyright: basic

import os
import socket
import sys
import time
from pathlib import Path

STEP = 8 * 1024**2
BLOCK_KINDS = {"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs"}


def main():
    what, *words = sys.argv[1:]
    if what == "disk":
        disk(words[0], float(words[1]))
    else:
        {"processors": processors, "memory": memory}[what](*map(float, words))


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


def disk(folder, left):
    refuse_foreign(str(Path(folder).resolve()))
    # It has no name: nobody has to remove it.
    file = os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600)
    size, told = 0, False
    while True:
        size = grow(file, size, left * 1024**2)
        if not told:
            ready()
            told = True
        # Whatever others remove meanwhile is taken too.
        time.sleep(0.2)


def grow(file, size, left):
    """The file's size once the space is taken."""
    step = 128 * STEP
    while step >= 4096:
        # What others than root may still take.
        space = os.fstatvfs(file).f_bavail * os.fstatvfs(file).f_frsize
        if space - left < step:
            step //= 2
            continue
        try:
            os.posix_fallocate(file, size, step)
            size += step
        except OSError:
            step //= 2
    return size


def refuse_foreign(folder):
    """Ends with a reason unless the file system is the machine's own. Source of the fields: proc_pid_mountinfo(5)."""
    best = ("", "", "", "")
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        kind, source, options = fields[fields.index("-") + 1 :]
        point = fields[4]
        inside = folder == point or folder.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best[0]):
            best = (point, kind, source, options)
    _, kind, source, options = best
    bounded = kind == "tmpfs" and "size=" in options
    block = kind in BLOCK_KINDS and source.startswith("/dev/")
    if Path("/run/systemd/container").exists():
        # A machine inside a computer: but for loop devices, the disks that it sees are that computer's.
        block = block and source.startswith("/dev/loop")
    if not (bounded or block):
        where = f"{folder} lies on {kind} ({source})"
        sys.exit(f"{where}, which is not this machine's own: it would fill the disk of the computer below")


def ready():
    """Source: sd_notify(3)."""
    path = os.environ["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as wire:
        wire.sendto(b"READY=1", "\0" + path[1:] if path.startswith("@") else path)


if __name__ == "__main__":
    main()
