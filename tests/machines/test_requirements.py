"""What a box lacks for the lab, told from its files."""

from __future__ import annotations

from pathlib import Path

from outlast.machines.nspawn.requirements import requirements
from outlast.machines.nspawn.sources import KEYRING

ROOT = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw"


def box(root: Path, file_systems: str = "nodev\toverlay\n\text4\n", mounts: str = ROOT) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/filesystems").write_text(file_systems)
    (root / "proc/self/mountinfo").write_text(mounts + "\n")
    keyring = root / KEYRING.lstrip("/")
    keyring.parent.mkdir(parents=True)
    keyring.touch()
    return root


def lacking(root: Path) -> set[str]:
    """Without what depends on the box that runs this test."""
    return {f.what for f in requirements(root)} - {"you are not root", "the disk is too full"}


def test_a_box_with_everything(tmp_path: Path) -> None:
    assert not {what for what in lacking(box(tmp_path)) if "overlay" in what or "disk" in what or "keys" in what}


def test_a_kernel_without_overlays(tmp_path: Path) -> None:
    assert "the kernel has no overlayfs" in lacking(box(tmp_path, file_systems="\text4\n"))


def test_a_disk_that_is_an_overlay_itself(tmp_path: Path) -> None:
    layered = ROOT.replace("ext4 /dev/vda", "overlay overlay")
    assert "the disk cannot carry machines" in lacking(box(tmp_path, mounts=layered))


def test_missing_keys(tmp_path: Path) -> None:
    root = box(tmp_path)
    (root / KEYRING.lstrip("/")).unlink()
    assert "Debian's keys are missing" in lacking(root)


def test_every_finding_says_what_to_do(tmp_path: Path) -> None:
    root = box(tmp_path, file_systems="", mounts="")
    (root / KEYRING.lstrip("/")).unlink()
    assert all(f.where and f.what and f.why and f.fix for f in requirements(root))
