"""A disk without room is told before anything is made on it, and is no reason not to take a site down."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from outlast.machines.nspawn.requirements import requirements
from tests.machines.test_requirements import box

pytestmark = pytest.mark.lab


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 16 MiB, with what a box's root folder needs to be looked at."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(tmp_path)], check=True)
    yield box(tmp_path)
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_small_disk_is_too_full_for_machines(small_disk: Path) -> None:
    (finding,) = (f for f in requirements(small_disk) if f.what == "the disk is too full")
    assert "GiB free" in finding.why


def test_a_site_may_go_down_on_it(small_disk: Path) -> None:
    assert "the disk is too full" not in {f.what for f in requirements(small_disk, making=False)}
