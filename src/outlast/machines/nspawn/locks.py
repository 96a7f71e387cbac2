"""Locks between commands on one box. The kernel frees them when their holder ends, however it ends."""

from __future__ import annotations

import asyncio
import fcntl
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError

POLL = 0.02


@asynccontextmanager
async def locked(path: Path, limit: float) -> AsyncGenerator[int, None]:
    """Hold the lock of `path`, made when missing, after at most `limit` seconds of waiting.

    Answers its file descriptor: whoever inherits it holds the lock too, until the last of them ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + limit
    with path.open("w") as lock:
        while not _taken(lock.fileno()):
            if time.monotonic() >= deadline:
                why = f"another command has held it for {limit:g} s"
                fix = f"see who holds {path} (`fuser {path}`), then run the same command again"
                raise OutlastError(Finding(str(path), "the lock is not free", why, fix))
            # Asked again and again: a thread that waits in the kernel could not be interrupted.
            await asyncio.sleep(POLL)
        yield lock.fileno()


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
