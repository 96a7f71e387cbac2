"""Builds releases on a machine that serves: in a place of its own, where it can change nothing of the machine.

Packages come from where the server itself gets them: its own settings of package tools, and /etc/environment.
"""

from __future__ import annotations

import asyncio
import shlex
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.machine import ExitError
from outlast.machines.provider import LEFT_OUT, BuildOrder
from outlast.machines.ssh.machine import SshMachine
from outlast.machines.ssh.scripts import CLOSE, OPEN

EVIDENCE = 25
# A machine's answers while it packs and unpacks; the build itself has the limit of its order.
STEP_LIMIT = 300.0
UNPACK = 'rm -rf "$1" && mkdir -p "$1/tree" "$1/home" && chmod 700 "$1" && tar -xzf "$1.tar.gz" -C "$1/tree"'
RUN = f"""
{OPEN}
systemctl stop "$1.service" 2>/dev/null
systemctl reset-failed "$1.service" 2>/dev/null
exec systemd-run --quiet --pipe --wait --collect --unit="$1" \\
  --property=RuntimeMaxSec="$2" --property=WorkingDirectory="$4" \\
  --property=ProtectSystem=strict --property=PrivateTmp=yes --property=OOMScoreAdjust=500 --property=Nice=10 \\
  --property=TemporaryFileSystem="$5" --property=BindPaths="$3/tree:$4" --property=BindPaths="$3/home:/root" \\
  --property="InaccessiblePaths=-/etc/outlast -/var/lib/outlast -/var/lib/mysql" \\
  --property=EnvironmentFile=-/etc/environment --property="ExecStopPost=-+/bin/sh -c '{CLOSE}'" \\
  sh -e -c '. /root/.environment; exec sh -e -c "$1"' build "$6"
"""
PACK = 'tar -C "$1/tree" -I "gzip -1" -cf "$1/release.tar.gz" .'


async def build(machine: SshMachine, order: BuildOrder) -> AsyncIterator[str]:
    """Carry out `order` there, yielding what it prints."""
    unit = f"outlast-build-{order.name}"
    folder = f"/var/lib/{unit}"
    lines: list[str] = []
    await _bring(machine, order, folder)
    try:
        top = f"/{PurePosixPath(order.path).parts[1]}"
        argv = ["sh", "-c", RUN, "run", unit, f"{order.limit:.0f}", folder, order.path, top, order.script]
        async for line in machine.lines(argv, limit=order.limit):
            lines.append(line)
            yield line
        await _step(machine, order, PACK, folder)
        await _fetch(machine, f"{folder}/release.tar.gz", order.target)
    except TimeoutError:
        raise OutlastError(_failed(order, f"it did not end within {order.limit:g} s", lines)) from None
    except ExitError as exited:
        raise OutlastError(_failed(order, f"it exited with status {exited.code}", lines)) from None
    finally:
        # Also when nobody wants the rest of the output.
        stop = 'systemctl stop "$2.service" 2>/dev/null; rm -rf "$1" "$1.tar.gz"'
        await machine.run(["sh", "-c", stop, "stop", folder, unit], limit=STEP_LIMIT)


async def _bring(machine: SshMachine, order: BuildOrder, folder: str) -> None:
    """The source and the environment are there, and nothing of an earlier build."""
    with TemporaryDirectory() as temporary:
        packed = Path(temporary, "source.tar.gz")
        await asyncio.to_thread(_pack, order.source, packed)
        await machine.put_file(f"{folder}.tar.gz", packed, mode=0o600)
    await _step(machine, order, UNPACK, folder)
    values = {"HOME": "/root", "LANG": "C.UTF-8", **dict(order.environment)}
    text = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())
    await machine.put(f"{folder}/home/.environment", text.encode(), mode=0o600)


def _pack(source: Path, target: Path) -> None:
    with tarfile.open(target, "w:gz", compresslevel=1) as packed:
        packed.add(source, arcname=".", filter=_kept)


def _kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Nothing that tools make anew, and nothing that is no file; all of it root's."""
    if LEFT_OUT & set(PurePosixPath(entry.name).parts) or not (entry.isreg() or entry.isdir() or entry.issym()):
        return None
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    return entry


async def _step(machine: SshMachine, order: BuildOrder, script: str, folder: str) -> None:
    done = await machine.run(["sh", "-e", "-c", script, "step", folder], limit=STEP_LIMIT)
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise OutlastError(_failed(order, lines[-1] if lines else f"tar exited with {done.returncode}", lines))


async def _fetch(machine: SshMachine, path: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    try:
        await machine.get_file(path, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _failed(order: BuildOrder, why: str, lines: list[str]) -> Finding:
    fix = "mend the build command or the source, then run the same command again: the running release stays"
    return Finding(f"release {order.name}", "its build failed", why, fix, evidence=tuple(lines[-EVIDENCE:]))
