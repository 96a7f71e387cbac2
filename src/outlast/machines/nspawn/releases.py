"""Releases that are the same for every site are built once on this box, and kept as long as somebody asks for them."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from tempfile import TemporaryDirectory

from outlast.machines.nspawn.locks import locked
from outlast.machines.provider import BuildOrder

RELEASES = Path("/var/cache/outlast/releases")
LOCK = "lock"
KEEP_SECONDS = 14 * 86400.0

Build = Callable[[BuildOrder], AsyncGenerator[str, None]]


async def build_once(order: BuildOrder, build: Build, folder: Path = RELEASES) -> AsyncIterator[str]:
    """Carry out `order` by `build`, unless it was before, for whatever site. Of two at once one waits for the other."""
    kept = folder / order.target.name
    async with locked(folder / LOCK, order.limit):
        if kept.is_file():
            yield "it is the same for every site, and was built here before"
            await asyncio.to_thread(_copy, kept, order.target)
        else:
            async with aclosing(build(order)) as printed:
                async for line in printed:
                    yield line
            await asyncio.to_thread(_copy, order.target, kept)
        os.utime(kept)
        _forget(folder, time.time() - KEEP_SECONDS)


def _copy(source: Path, target: Path) -> None:
    """There whole or not at all, whoever else writes it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=target.parent, prefix=".copied-") as folder:
        shutil.copyfile(source, Path(folder, target.name)).replace(target)


def _forget(folder: Path, before: float) -> None:
    """Remove what nobody asked for since `before` (seconds since 1970), and what a death left half made."""
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK and path.stat().st_mtime < before:
            path.unlink()
