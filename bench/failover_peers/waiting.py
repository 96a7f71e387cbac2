"""Waits until something holds, within a limit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

POLL = 0.1


async def until(what: str, check: Callable[[], Awaitable[bool]], limit: float) -> float:
    """Wait until `check` answers yes, at most `limit` seconds; answers how long it took."""
    began = time.monotonic()
    while not await check():
        if time.monotonic() - began > limit:
            raise TimeoutError(f"not within {limit:g} s: {what}")
        await asyncio.sleep(POLL)
    return time.monotonic() - began
