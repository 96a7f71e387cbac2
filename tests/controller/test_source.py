"""What releases are made of: an app's folder, or the very Outlast that makes the site."""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import subprocess
import tarfile
import tomllib
from pathlib import Path

import pytest

import outlast
from outlast.contract.registry import discover
from outlast.controller.build import build
from outlast.controller.source import Release, missing_sources, releases
from outlast.controller.store import Store
from outlast.kernel.events import silent
from outlast.machines.sim.sim import Sim
from outlast.site.load import load
from outlast.site.schema import Site
from outlast.topology.sections import sections

ROOT = Path(__file__).parents[2]
TEXT = """
site: shop
domain: shop.test
datacenters: { east: { machines: lab } }
apps: { web: { source: ./app, run: serve } }
"""
# What only the command line needs.
COMMAND_LINE = {"aiohttp", "typer", "rich"}
PINNED = re.compile(r"^([a-z0-9-]+)==(\S+)", re.MULTILINE)


def wanted(home: Path, source: str = "./app") -> dict[str, Release]:
    return releases(site(source), discover(), home, Store(home / ".outlast"))


def site(source: str = "./app") -> Site:
    return load(TEXT.replace("./app", source), "site.yaml", sections(discover())).site


def git(folder: Path, *argv: str) -> None:
    who = ("-c", "user.name=nobody", "-c", "user.email=nobody@shop.test", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *argv], check=True, capture_output=True)


def test_controllers_get_the_outlast_that_is_installed(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    own, web = wanted(tmp_path)["controller"].order, wanted(tmp_path)["web"].order
    assert own.source == Path(outlast.__file__).parent
    assert (own.source / "requirements.txt").is_file()
    assert (own.everywhere, web.everywhere) == (True, False)
    assert web.source == tmp_path / "app"


def test_only_an_app_s_source_can_be_missing(tmp_path: Path) -> None:
    assert set(missing_sources(site(), discover(), tmp_path)) == {"web"}


def test_a_release_names_itself_as_its_source_did(tmp_path: Path) -> None:
    """A leader compiles the site too: it must not take itself for an old release."""
    app = tmp_path / "app"
    app.mkdir()
    (app / "main.py").write_text("serve = 1\n")
    before = wanted(tmp_path)["web"].artifact.digest
    shutil.move(app, tmp_path / "elsewhere")
    shutil.copytree(tmp_path / "elsewhere", app)
    (app / "__pycache__").mkdir()
    (app / "__pycache__" / "main.pyc").write_bytes(b"compiled")
    (app / ".venv").mkdir()
    (app / ".venv" / "made").write_text("by the build")
    assert wanted(tmp_path)["web"].artifact.digest == before


def test_a_folder_s_release_keeps_its_name(tmp_path: Path) -> None:
    """Written out once more: sites that are up must not build anew because Outlast is newer."""
    (tmp_path / "app" / "bin").mkdir(parents=True)
    (tmp_path / "app" / "main.py").write_text("serve = 1\n")
    (tmp_path / "app" / "bin" / "run").write_text("serve")
    (tmp_path / "app" / "bin" / "run").chmod(0o755)
    release = wanted(tmp_path)["web"]
    order = release.order
    total = hashlib.sha256(repr((order.script, (), ("curl", "python3-venv"), platform.machine())).encode())
    for name, is_executable, text in (("bin/run", True, b"serve"), ("main.py", False, b"serve = 1\n")):
        total.update(repr((name, is_executable)).encode() + hashlib.sha256(text).digest())
    assert release.artifact.digest == total.hexdigest()[:12]
    assert order.bring is None


async def built(release: Release, home: Path) -> None:
    """Build it as the engine does, on simulated machines."""
    await build(release.artifact, release.order, Sim("shop", home / ".sim", {}), silent)


async def test_a_revision_and_an_archive_are_built_from_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("serve = 1\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "app")
    git(tmp_path, "commit", "--quiet", "--message=one")
    git(tmp_path, "tag", "v1")
    shutil.make_archive(str(tmp_path / "app"), "gztar", tmp_path, "app")
    shutil.copy(tmp_path / "app.tar.gz", tmp_path / "same.tar.gz")
    (tmp_path / "app" / "main.py").write_text("serve = 2\n")
    git(tmp_path, "commit", "--quiet", "--all", "--message=two")
    sources = ("{ git: ., revision: v1, folder: app }", "{ archive: ./app.tar.gz, folder: app }")
    for source in sources:
        release = wanted(tmp_path, source)["web"]
        await built(release, tmp_path)
        with tarfile.open(release.order.target) as made:
            packed = made.extractfile("main.py")
            assert packed is not None
            assert packed.read() == b"serve = 1\n"
        # It was there for the build only.
        assert not release.order.source.exists()
    digests = {source: wanted(tmp_path, source)["web"].artifact.digest for source in sources}
    assert digests[sources[0]] == wanted(tmp_path, "{ git: app, revision: HEAD~1 }")["web"].artifact.digest
    assert digests[sources[0]] != wanted(tmp_path, "{ git: ., folder: app }")["web"].artifact.digest
    assert digests[sources[1]] == wanted(tmp_path, "{ archive: same.tar.gz, folder: app }")["web"].artifact.digest
    assert digests[sources[1]] != wanted(tmp_path, "{ archive: app.tar.gz }")["web"].artifact.digest


async def test_an_image_is_its_release(tmp_path: Path) -> None:
    (tmp_path / "app.tar").write_bytes(b"image")
    release = wanted(tmp_path, "{ image: app.tar }")["web"]
    assert release.order.script == ":"
    await built(release, tmp_path)
    with tarfile.open(release.order.target) as made:
        packed = made.extractfile("image.tar")
        assert packed is not None
        assert packed.read() == b"image"
    (tmp_path / "app.tar").write_bytes(b"another")
    assert wanted(tmp_path, "{ image: app.tar }")["web"].artifact.digest != release.artifact.digest


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("./nowhere", "the source folder of web is not there"),
        ("{ archive: ./nowhere.zip }", "the source archive of web is not there"),
        ("{ image: ./nowhere.tar }", "the source image of web is not there"),
        ("{ git: ./nowhere }", "the repository is not there"),
        ("{ git: . }", "the repository cannot be read"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, source: str, what: str) -> None:
    found = missing_sources(site(source), discover(), tmp_path)
    assert [(name, finding.what) for name, finding in found.items()] == [("web", what)]


def test_controllers_run_the_versions_that_were_tested() -> None:
    own = dict(PINNED.findall((ROOT / "src/outlast/requirements.txt").read_text()))
    tested = dict(PINNED.findall((ROOT / "requirements.lock").read_text()))
    assert own.items() <= tested.items()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split("[>=]", line)[0] for line in project["dependencies"]}
    assert needed - set(own) == COMMAND_LINE
