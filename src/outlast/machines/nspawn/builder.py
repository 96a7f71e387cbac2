"""Builds releases in throw-away machines: a clean overlay on the image, with the box's network and package sources."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.nspawn import disk, process
from outlast.machines.nspawn.command import run
from outlast.machines.provider import LEFT_OUT, BuildOrder

PACK_LIMIT = 300.0
EVIDENCE = 25
# Settings of package tools and of trust: a build must reach what the box itself reaches.
PASSED_ON = re.compile(r"^(PIP_|SSL_CERT_|NPM_CONFIG_|npm_config_|UV_|(REQUESTS|CURL)_CA_BUNDLE$|NODE_EXTRA_CA_CERTS$)")
SETTINGS = ("/etc/pip.conf", "~/.config/pip/pip.conf", "~/.pip/pip.conf", "/etc/npmrc", "~/.npmrc")
TRUST = "/etc/ssl/certs"
# nspawn's own farewell, which says nothing about the build.
NOISE = "Attempted to remove disk file system"


async def build(machine: str, folder: Path, image: Path, order: BuildOrder) -> AsyncIterator[str]:
    """Carry out `order` in a machine of that name whose disk is `folder`, yielding what it prints."""
    await process.kill(machine)
    await disk.remove(folder)
    root = await disk.mount(folder, image)
    try:
        inside = root / order.path.lstrip("/")
        # Machines of a site know each other by files only; a build must find the package archives by their names.
        (root / "etc/nsswitch.conf").write_text("hosts: files dns\npasswd: files\ngroup: files\n")
        await asyncio.to_thread(_copy, order.source, inside)
        lines: list[str] = []
        code: int | None = None
        try:
            async with asyncio.timeout(order.limit):
                async for item in _run(machine, root, order):
                    if isinstance(item, int):
                        code = item
                    else:
                        lines.append(item)
                        yield item
        except TimeoutError:
            await process.kill(machine)
            raise OutlastError(_failed(order, f"it did not end within {order.limit:g} s", lines)) from None
        if code != 0:
            raise OutlastError(_failed(order, f"it exited with status {code}", lines))
        partial = order.target.with_suffix(".partial")
        await run(["tar", "-C", str(inside), "-I", "gzip -1", "-cf", str(partial), "."], limit=PACK_LIMIT)
        partial.replace(order.target)
    finally:
        await disk.remove(folder)


async def _run(machine: str, root: Path, order: BuildOrder) -> AsyncIterator[str | int]:
    """The lines that the build prints, then its exit code."""
    settings = {name: value for name, value in os.environ.items() if PASSED_ON.match(name)}
    variables = {**settings, "HOME": "/root", **dict(order.environment)}
    child = await asyncio.create_subprocess_exec(
        "systemd-nspawn",
        "--quiet",
        f"--directory={root}",
        f"--machine={machine}",
        "--register=no",
        "--keep-unit",
        "--as-pid2",
        "--console=pipe",
        "--resolv-conf=copy-host",
        f"--chdir={order.path}",
        *_binds(settings, root),
        *(f"--setenv={name}={value}" for name, value in variables.items()),
        *("sh", "-e", "-c", order.script),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
        env={**os.environ, **process.ENVIRONMENT},
    )
    assert child.stdout is not None
    async for line in child.stdout:
        text = line.decode(errors="replace").rstrip()
        if NOISE not in text:
            yield text
    yield await child.wait()


def _binds(settings: dict[str, str], root: Path) -> Iterator[str]:
    """The box's trust, its package tools' settings, and the folders and files that those name."""
    yield f"--bind-ro={TRUST}"
    named = set(settings.values())
    for setting in SETTINGS:
        path = Path(setting).expanduser()
        if path.is_file():
            yield f"--bind-ro={path}:{setting.replace('~', '/root')}"
            named |= set(re.findall(r"(?:file://)?(/[^\s'\",]+)", path.read_text()))
    for path in sorted({Path(name.removeprefix("file://")) for name in named if "/" in name}):
        # The folder above a `simple` index holds the files that the index points to.
        shared = path.parent if path.name == "simple" else path
        # Never over what the image has itself: a setting may well name /usr.
        if shared.is_absolute() and shared.exists() and not (root / str(shared).lstrip("/")).exists():
            yield f"--bind-ro={shared}"


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=True, ignore=lambda _, names: LEFT_OUT & set(names), dirs_exist_ok=True)


def _failed(order: BuildOrder, why: str, lines: list[str]) -> Finding:
    fix = "mend the build command or the source, then run the same command again: the running release stays"
    return Finding(f"release {order.name}", "its build failed", why, fix, evidence=tuple(lines[-EVIDENCE:]))
