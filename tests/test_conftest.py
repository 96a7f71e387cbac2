"""Lab tests run or fail: they never skip, and only a person leaves them out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAB = "import pytest\n@pytest.mark.lab\ndef test_lab():\n    {body}\ndef test_pure():\n    pass\n"


def run(folder: Path, body: str, **environment: str) -> tuple[int, str]:
    """Exit code and output of a test run with one lab test and one other."""
    path = folder / "test_some.py"
    path.write_text(LAB.format(body=body))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-c",
        os.devnull,
        f"--rootdir={folder}",
        str(path),
    ]
    kept = {name: value for name, value in os.environ.items() if name != "OUTLAST_NO_LAB"}
    done = subprocess.run(command, cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_where_the_box_cannot_run_the_lab_its_tests_fail(tmp_path: Path) -> None:
    code, said = run(tmp_path, "pass", PATH=str(tmp_path))
    assert code == 1
    assert "1 error" in said
    assert "`systemd-nspawn` is missing" in said
    assert "OUTLAST_NO_LAB=1" in said


def test_only_a_person_leaves_them_out_and_that_is_said(tmp_path: Path) -> None:
    code, said = run(tmp_path, "pass", PATH=str(tmp_path), OUTLAST_NO_LAB="1")
    assert code == 0
    assert "1 passed, 1 deselected" in said
    assert "1 lab tests were left out" in said


@pytest.mark.lab
def test_a_lab_test_that_skips_itself_has_failed(tmp_path: Path) -> None:
    code, said = run(tmp_path, 'pytest.skip("not today")')
    assert code == 1
    assert "a lab test must not skip" in said
    assert "1 failed, 1 passed" in said
