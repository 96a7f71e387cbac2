"""Files that survive a death at any instant, and turns among processes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


def write(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Replace a file, atomically, and durably even through a loss of power."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def remove(path: Path) -> None:
    """Remove a file if it is there, durably."""
    if path.exists():
        path.unlink()
        _sync_folder(path.parent)


def rename(path: Path, target: Path) -> None:
    """Give a file another name in its folder, durably."""
    path.replace(target)
    _sync_folder(target.parent)


@contextmanager
def turn(path: Path) -> Generator[None]:
    """Hold the lock file `path`: one at a time, threads and processes alike. The kernel drops what the dead held."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _sync_folder(folder: Path) -> None:
    """A new name is on the disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
