"""Builds releases in throw-away machines: a clean overlay on the image, with the box's network and package sources."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.nspawn import disk, process
from outlast.machines.nspawn.command import run
from outlast.machines.nspawn.trust import Trust, of_this_box
from outlast.machines.provider import LEFT_OUT, BuildOrder

PACK_LIMIT = 300.0
EVIDENCE = 25
CHUNK = 65536
# Beside the build's own folder: a command line, which every user of the box can read, is no place for passwords.
ENVIRONMENT = "root/.outlast-environment"
# A lab shares its processors with the site that runs on them: whatever serves comes first, also where the kernel shares
# them by session and not by control group.
RUN = """
{ echo 19 > /proc/self/autogroup; renice -n 19 -p $$; } > /dev/null 2>&1 || true
. "/$1"
exec sh -e -c "$2"
"""
# nspawn's own farewell, which says nothing about the build.
NOISE = "Attempted to remove disk file system"


async def build(machine: str, folder: Path, image: Path, order: BuildOrder) -> AsyncGenerator[str, None]:
    """Carry out `order` in a machine of that name whose disk is `folder`, yielding what it prints."""
    await process.kill(machine)
    await disk.remove(folder)
    root = await disk.mount(folder, image)
    lines: list[str] = []
    try:
        await asyncio.to_thread(_copy, order.source, root / order.path.lstrip("/"))
        async with aclosing(_run(machine, root, order)) as printed:
            async for line in printed:
                lines.append(line)
                yield line
        await _pack(root / order.path.lstrip("/"), order.target)
    except TimeoutError:
        raise OutlastError(_failed(order, f"it did not end within {order.limit:g} s", lines)) from None
    except _ExitError as exited:
        raise OutlastError(_failed(order, f"it exited with status {exited.code}", lines)) from None
    finally:
        # Also when nobody wants the rest of the output: what still runs would hold the disk.
        await process.kill(machine)
        await disk.remove(folder)


class _ExitError(Exception):
    """The build ended with a status that is not 0."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def _run(machine: str, root: Path, order: BuildOrder) -> AsyncGenerator[str, None]:
    """The lines that the build prints. Raises `_ExitError` when it fails."""
    trust = of_this_box()
    disk.private(root / ENVIRONMENT, trust.exports(order.environment).encode())
    _give_names(root)
    child = await asyncio.create_subprocess_exec(
        *process.own_group(machine, idle=True),
        "systemd-nspawn",
        "--quiet",
        f"--directory={root}",
        f"--machine={machine}",
        "--register=no",
        "--keep-unit",
        "--as-pid2",
        "--console=pipe",
        "--resolv-conf=off",
        f"--chdir={order.path}",
        *_binds(trust, root),
        *("sh", "-e", "-c", RUN, "build", ENVIRONMENT, order.script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, **process.ENVIRONMENT},
    )
    assert child.stdout is not None
    async for line in _lines(child.stdout, asyncio.get_running_loop().time() + order.limit):
        if NOISE not in line:
            yield line
    code = await child.wait()
    if code != 0:
        raise _ExitError(code)


async def _lines(stream: asyncio.StreamReader, deadline: float) -> AsyncIterator[str]:
    """Lines of any length: the reader's own ones end at its buffer. Raises `TimeoutError` at the loop's `deadline`."""
    rest = b""
    while chunk := await _chunk(stream, deadline):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode(errors="replace").rstrip()
    if rest:
        yield rest.decode(errors="replace").rstrip()


async def _chunk(stream: asyncio.StreamReader, deadline: float) -> bytes:
    # The clock runs in here only: around a `yield` it would interrupt whoever reads the lines.
    async with asyncio.timeout_at(deadline):
        return await stream.read(CHUNK)


def _binds(trust: Trust, root: Path) -> list[str]:
    # Never over what the image has itself: a setting may well name /usr.
    free = {path: inside for path, inside in trust.named.items() if not (root / str(inside).lstrip("/")).exists()}
    return [f"--bind-ro={path}:{inside}" for path, inside in (trust.files | free).items()]


def _give_names(root: Path) -> None:
    """Let the build look names up as the box does; the image itself looks into files only."""
    for path in ("etc/resolv.conf", "etc/hosts"):
        (root / path).unlink(missing_ok=True)
        (root / path).write_bytes(Path("/", path).read_bytes())
    switch = root / "etc/nsswitch.conf"
    switch.write_text(switch.read_text().replace("hosts: files", "hosts: files dns"))


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=_left_out, dirs_exist_ok=True)


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What tools make anew, and what is no file: a socket cannot be copied."""
    return {name for name in names if name in LEFT_OUT or not _is_content(Path(folder, name))}


def _is_content(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


async def _pack(folder: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    try:
        await run(["tar", "-C", str(folder), "-I", "gzip -1", "-cf", str(partial), "."], limit=PACK_LIMIT)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _failed(order: BuildOrder, why: str, lines: list[str]) -> Finding:
    fix = "mend the build command or the source, then run the same command again: the running release stays"
    return Finding(f"release {order.name}", "its build failed", why, fix, evidence=tuple(lines[-EVIDENCE:]))
