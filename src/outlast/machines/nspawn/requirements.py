"""What the lab needs of the box."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

from outlast.kernel.errors import Finding
from outlast.machines.nspawn.image import IMAGES
from outlast.machines.nspawn.names import LABS
from outlast.machines.nspawn.sources import KEYRING

PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "mmdebstrap": "mmdebstrap",
    "ssh": "openssh-client",
}
ROOM_GIB = 4
# File systems that cannot hold the upper layer of an overlay (kernel.org, filesystems/overlayfs).
NO_UPPER = ("overlay", "nfs", "nfs4", "cifs", "9p", "vfat", "exfat", "ecryptfs")


def requirements(root: Path = Path("/"), *, making: bool = True) -> tuple[Finding, ...]:
    """Everything that is missing, at once. `root` is the box's root folder; `making` asks for room for machines too."""
    findings: list[Finding] = []
    if os.geteuid() != 0:
        why = "the lab makes machines, networks and mounts, and only root may"
        findings.append(_finding("you are not root", why, "run the same command with sudo"))
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            why = "the lab is made with it"
            findings.append(_finding(f"`{program}` is missing", why, f"apt-get install {package}"))
    if not (root / KEYRING.lstrip("/")).exists():
        why = "the machine image is checked against Debian's keys"
        findings.append(_finding("Debian's keys are missing", why, "apt-get install debian-archive-keyring"))
    return (*findings, *_overlay(root), *(_room(root) if making else ()))


def _overlay(root: Path) -> list[Finding]:
    """Whether the kernel has overlayfs, and the disk can carry it."""
    modules = root / "lib/modules" / platform.release() / "kernel/fs/overlayfs"
    known = (root / "proc/filesystems").read_text().split()
    if "overlay" not in known and not modules.is_dir():
        why = "every machine is an overlay on one image"
        return [_finding("the kernel has no overlayfs", why, "run the lab on a box with Debian's or Ubuntu's kernel")]
    folder = _nearest(root / str(LABS).lstrip("/"))
    kind = _file_system(root, folder)
    if kind in NO_UPPER:
        why = f"{folder} is on {kind}, which cannot hold the changes of an overlay"
        return [_finding("the disk cannot carry machines", why, f"mount a disk with ext4 or xfs at {LABS}")]
    return []


def _room(root: Path) -> list[Finding]:
    findings: list[Finding] = []
    for path in dict.fromkeys(_nearest(root / str(wanted).lstrip("/")) for wanted in (LABS, IMAGES)):
        free = shutil.disk_usage(path).free / 2**30
        if free < ROOM_GIB:
            why = f"{path} has {free:.1f} GiB free; an image and its machines need {ROOM_GIB} GiB"
            findings.append(_finding("the disk is too full", why, "make room there"))
    return findings[:1]


def _nearest(path: Path) -> Path:
    """`path`, or the closest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _file_system(root: Path, folder: Path) -> str:
    """The type of the file system that holds `folder`: the one mounted closest above it, the latest of several."""
    mounts = [line.split() for line in (root / "proc/self/mountinfo").read_text().splitlines()]
    held = [(len(fields[4]), fields[fields.index("-") + 1]) for fields in mounts if folder.is_relative_to(fields[4])]
    longest = max((length for length, _ in held), default=0)
    return [kind for length, kind in held if length == longest][-1] if held else ""


def _finding(what: str, why: str, fix: str) -> Finding:
    return Finding("this box", what, why, fix)
