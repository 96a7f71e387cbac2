"""How a release is built: by the owner's text, whatever that does to its own shell."""

from __future__ import annotations

import subprocess
from pathlib import Path

from outlast.components.app.options import AppOptions
from outlast.components.app.recipe import recipe


def built(folder: Path, build: str) -> int:
    """Build `folder` as a machine would, and answer with which status that ends."""
    options = AppOptions.model_validate({"source": ".", "run": "true", "build": build})
    script = recipe(options).script
    return subprocess.run(["sh", "-e", "-c", script], cwd=folder, timeout=60, check=False).returncode


def test_what_was_built_is_compiled_wherever_the_build_ended(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("ANSWER = 42\n")
    assert built(tmp_path, "python3 -m venv --without-pip .venv\ncd /\nexit 0") == 0
    assert list(tmp_path.glob("__pycache__/shop.*.pyc"))


def test_what_python_cannot_read_stops_no_build(tmp_path: Path) -> None:
    (tmp_path / "template.py").write_text("{{ no python }}\n")
    assert built(tmp_path, "python3 -m venv --without-pip .venv") == 0


def test_a_build_that_fails_makes_no_release(tmp_path: Path) -> None:
    assert built(tmp_path, "touch made\nfalse\ntouch more") != 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["made"]


def test_another_pip_that_was_installed_on_purpose_is_kept(tmp_path: Path) -> None:
    site = "$(.venv/bin/python -c \"import sysconfig; print(sysconfig.get_path('purelib'))\")"
    kept = f'mkdir "{site}/pip" "{site}/pip-99.dist-info"'
    assert built(tmp_path, f"python3 -m venv --without-pip .venv\n{kept}") == 0
    assert list(tmp_path.glob(".venv/lib/*/site-packages/pip"))
