"""Runs programs of the box, and reports their failures as findings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from outlast.kernel.errors import Finding, OutlastError


async def run(argv: Sequence[str], *, stdin: str = "", limit: float = 60.0, check: bool = True) -> str:
    """The standard output of a program. Raises `OutlastError` with its last lines when it fails and `check`."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(limit):
            out, err = await process.communicate(stdin.encode())
    except TimeoutError:
        process.kill()
        await process.wait()
        raise OutlastError(_failed(argv, f"it did not end within {limit:g} s", ())) from None
    if check and process.returncode != 0:
        lines = tuple(err.decode(errors="replace").splitlines()[-10:])
        raise OutlastError(_failed(argv, lines[-1] if lines else f"it exited with {process.returncode}", lines))
    return out.decode(errors="replace")


def _failed(argv: Sequence[str], why: str, lines: tuple[str, ...]) -> Finding:
    fix = "mend what the message names, then run the same command again: it resumes"
    return Finding("this box", f"`{' '.join(argv[:4])}` failed", why, fix, evidence=lines)
