"""What a member does that is about to have no room for its data.

With less than SHORT it asks to be written to no more: clients go to a member that has room. With less than LAST it would
soon hang, and with it every other one, because all of them wait for the slowest. So it is ended while another one serves,
and starts again when there is room. Nothing is lost: what it had acknowledged, a majority holds.
"""

import os

import cluster
import neighbours

SHORT = 64 * 1024**2
LAST = 16 * 1024**2
# Whoever was short is so until there is more than this: clients shall not go back and forth.
AGAIN = 2 * SHORT
PERIOD = 0.5


def left():
    """Bytes that MariaDB's own user may still write to the file system of its data."""
    found = os.statvfs(cluster.DATA)
    return found.f_bavail * found.f_frsize


class Room:
    """`left` tells the bytes that are left, `ask` how the others stand, `end` ends MariaDB."""

    def __init__(self, left, ask, end):
        self.left, self.ask, self.end = left, ask, end
        self.free, self.short, self.looked = None, False, None

    def step(self, now):
        """Called again and again; `now` in seconds of a clock that never goes back."""
        if self.looked is not None and now - self.looked < PERIOD:
            return
        self.looked, self.free = now, self.left()
        self.short = self.free < (AGAIN if self.short else SHORT)
        if self.free < LAST and neighbours.PRIMARY in self.ask():
            print(f"{self.free // 1024**2} MiB are left for the data: MariaDB ends, before it holds up the others", flush=True)
            self.end()

    def trouble(self):
        """Why it shall not be written to, or an empty text."""
        return f"{self.free // 1024**2} MiB are left on its disk" if self.short else ""
