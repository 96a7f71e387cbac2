"""Runs programs of the box, and reports their failures as findings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from outlast.kernel.errors import Finding, OutlastError

EVIDENCE = 25


async def run(
    argv: Sequence[str], *, stdin: str = "", limit: float = 60.0, check: bool = True, keep: Sequence[int] = ()
) -> str:
    """The standard output of a program. Raises `OutlastError` with its last lines when it fails and `check`.

    `keep` are file descriptors that the program inherits. It never outlives a caller that is interrupted.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            pass_fds=keep,
        )
    except FileNotFoundError:
        raise OutlastError(_missing(argv[0])) from None
    try:
        async with asyncio.timeout(limit):
            out, err = await process.communicate(stdin.encode())
    except TimeoutError:
        raise OutlastError(_failed(argv, f"it did not end within {limit:g} s", ())) from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if check and process.returncode != 0:
        lines = tuple(err.decode(errors="replace").splitlines()[-EVIDENCE:])
        raise OutlastError(_failed(argv, lines[-1] if lines else f"it exited with {process.returncode}", lines))
    return out.decode(errors="replace")


def _failed(argv: Sequence[str], why: str, lines: tuple[str, ...]) -> Finding:
    fix = "mend what the message names, then run the same command again: it resumes"
    return Finding("this box", f"`{' '.join(argv[:4])}` failed", why, fix, evidence=lines)


def _missing(program: str) -> Finding:
    return Finding(
        "this box",
        f"`{program}` is missing",
        "the lab is made with it",
        "install the package that brings it; `outlast up` names it",
    )
