"""Locks between commands: waiting has an end, and what a killed command started still holds them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from outlast.kernel.errors import OutlastError
from outlast.machines.nspawn.locks import locked

HOLDER = """
import asyncio, subprocess, sys
from pathlib import Path
from outlast.machines.nspawn.locks import locked

async def main():
    async with locked(Path(sys.argv[1]), 5.0) as lock:
        child = subprocess.Popen(["sleep", "60"], pass_fds=[lock], stdout=subprocess.DEVNULL)
        print(child.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_one_holds_it_at_a_time(tmp_path: Path) -> None:
    seen: list[str] = []

    async def work(name: str) -> None:
        async with locked(tmp_path / "deep" / "lock", 5.0):
            seen.append(f"{name} in")
            # Through a thread, so that the other one gets its turn meanwhile.
            await asyncio.to_thread(seen.append, f"{name} out")

    await asyncio.gather(work("a"), work("b"))
    assert seen in (["a in", "a out", "b in", "b out"], ["b in", "b out", "a in", "a out"])


async def test_waiting_for_it_has_an_end(tmp_path: Path) -> None:
    async with locked(tmp_path / "lock", 1.0):
        with pytest.raises(OutlastError, match="not free"):
            async with locked(tmp_path / "lock", 0.1):
                pass


async def test_what_a_killed_holder_started_holds_it_until_it_ends(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path / "lock")], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    child = int(holder.stdout.readline())
    try:
        holder.kill()
        holder.wait()
        with pytest.raises(OutlastError):
            async with locked(tmp_path / "lock", 0.2):
                pass
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()
    async with locked(tmp_path / "lock", 5.0):
        pass
