"""Runs a real command of this box as if on a simulated machine: its disk is the root, and there is no network.

The box's programs are seen read-only below /usr. Where the box permits no namespaces, commands fail with a finding;
landing, activating and probing need none.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from outlast.contract.probe import Output
from outlast.kernel.errors import Finding, OutlastError

LINKS = ("bin", "sbin", "lib", "lib32", "lib64")
# The folders of an empty machine, and the box's programs.
ENTER = """
cd "$1"
mkdir -p usr dev tmp etc srv var/lib run root
for link in $2; do ln -s "usr/$link" "$link" 2>/dev/null || [ -L "$link" ]; done
mount --rbind /usr usr
mount -o remount,bind,ro usr 2>/dev/null || true
mount --rbind /dev dev
root=$1
shift 2
exec chroot "$root" "$@"
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


def inside(root: Path, argv: Sequence[str]) -> list[str]:
    """What runs `argv` with `root` as its disk, in namespaces of its own."""
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    # It and all that it started end together.
    spaces = ("--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child")
    return ["unshare", *as_root, *spaces, "sh", "-e", "-c", ENTER, "enter", str(root), _links(), *argv]


def run(root: Path, argv: Sequence[str], stdin: str, limit: float) -> Output:
    """Run `argv` there and wait; return code 124: it did not end in time."""
    refuse_without()
    try:
        done = subprocess.run(
            inside(root, argv), input=stdin, capture_output=True, text=True, timeout=limit, check=False, env=ENVIRONMENT
        )
    except subprocess.TimeoutExpired:
        return Output(124, "", "")
    return Output(done.returncode, done.stdout, done.stderr)


@cache
def refuse_without() -> None:
    """Raises `OutlastError` when this box permits no namespaces."""
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    done = subprocess.run(
        ["unshare", *as_root, "--mount", "--net", "true"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        why = done.stderr.strip() or "unshare failed"
        fix = "run as root, or permit user namespaces on this computer"
        raise OutlastError(Finding("this box", "a simulated machine cannot run commands", why, fix))


def _links() -> str:
    """The names at the root of this box that lead into /usr."""
    return " ".join(name for name in LINKS if Path(f"/{name}").is_symlink())
