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

SKELETON = ("usr", "dev", "tmp", "etc", "srv", "var/lib", "run", "root")
LINKS = ("bin", "sbin", "lib", "lib32", "lib64")
ENTER = """
mount --rbind /usr "$1/usr" && mount -o remount,bind,ro "$1/usr" 2>/dev/null || true
mount --rbind /dev "$1/dev"
root=$1; shift
exec chroot "$root" "$@"
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}


def furnish(root: Path) -> None:
    """Make the folders of an empty machine."""
    for name in SKELETON:
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in LINKS:
        if Path(f"/{name}").is_symlink() and not (root / name).is_symlink():
            (root / name).symlink_to(Path(f"/{name}").readlink())


def inside(root: Path, argv: Sequence[str]) -> list[str]:
    """What runs `argv` with `root` as its disk, in namespaces of its own."""
    as_root = () if os.geteuid() == 0 else ("--map-root-user",)
    # It and all that it started end together.
    spaces = ("--mount", "--net", "--ipc", "--pid", "--fork", "--kill-child")
    return ["unshare", *as_root, *spaces, "sh", "-e", "-c", ENTER, "enter", str(root), *argv]


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
