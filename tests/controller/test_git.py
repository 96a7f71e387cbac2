"""Revisions as sources: named by their content, checked out as they were committed, and every mistake with its fix."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from outlast.contract.source import Git
from outlast.controller.git import check_out, tree_of
from outlast.kernel.errors import Finding, OutlastError


class Repository:
    """A repository of the tests' own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *argv: str) -> None:
        """Run git there, as nobody."""
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@shop.test", "-c", "commit.gpgsign=false")
        subprocess.run(["git", "-C", str(self.folder), *who, *argv], check=True, capture_output=True)

    def commit(self, tag: str, **files: str) -> None:
        """Write files (`a__b` is `a/b.py`), commit and tag them."""
        for name, text in files.items():
            path = self.folder / f"{name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={tag}")
        self.git("tag", tag)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "repository")
    made.commit("v1", app__main="one\n", docs__read="me\n")
    made.commit("v2", app__main="two\n")
    return made


def tree(repository: Repository, revision: str, folder: str = "app", at: str = ".") -> str:
    return tree_of(Git(at, revision, folder), repository.folder)


def refused(repository: Repository, revision: str, folder: str = "app", at: str = ".") -> Finding:
    with pytest.raises(OutlastError) as caught:
        tree(repository, revision, folder, at)
    (finding,) = caught.value.findings
    return finding


def test_equal_files_have_one_name_whatever_revision_has_them(repository: Repository) -> None:
    repository.commit("docs", docs__read="more\n")
    repository.commit("back", app__main="one\n")
    assert tree(repository, "v2") == tree(repository, "docs") != tree(repository, "v1") == tree(repository, "back")
    assert tree(repository, "v2", ".") != tree(repository, "docs", ".")
    assert tree(repository, "HEAD~1", "./app/") == tree(repository, "docs")
    # What is not committed does not count.
    (repository.folder / "app/main.py").write_text("three\n")
    assert tree(repository, "HEAD") == tree(repository, "v1")


def test_a_folder_within_the_repository_is_where_folders_are_seen_from(repository: Repository) -> None:
    assert (
        tree(repository, "v1", ".", at="app")
        == tree(repository, "v1", "app")
        == tree(repository, "v1", "app", "docs/..")
    )
    assert tree(repository, "v1", ".", at="docs") == tree(repository, "v1", "docs")


def test_a_bare_repository_will_do(repository: Repository, tmp_path: Path) -> None:
    repository.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare"))
    name = tree_of(Git("bare", "v1", "app"), tmp_path)
    assert name == tree(repository, "v1")
    check_out(name, tmp_path / "bare", tmp_path / "out")
    assert (tmp_path / "out/main.py").read_text() == "one\n"


def test_what_is_checked_out_is_what_was_committed_and_nothing_of_when(repository: Repository, tmp_path: Path) -> None:
    (repository.folder / "app/.gitattributes").write_text("*.py export-subst\nsecret.py export-ignore\n")
    repository.commit("v3", app__main="$Format:%H$\n", app__secret="x")
    run = repository.folder / "app/run"
    run.write_text("#!/bin/sh\n")
    run.chmod(0o755)
    (repository.folder / "app/link").symlink_to("main.py")
    repository.commit("v4")
    repository.git("config", "core.autocrlf", "true")
    for name in ("one", "two"):
        check_out(tree(repository, "v4"), repository.folder, tmp_path / name)
    one = tmp_path / "one"
    assert {path.name: path.stat().st_mode & 0o777 for path in one.iterdir()} == {
        ".gitattributes": 0o644,
        "main.py": 0o644,
        "run": 0o755,
        "link": 0o644,
    }
    assert (one / "main.py").read_bytes() == b"$Format:%H$\n"
    assert (one / "main.py").stat().st_mtime == (tmp_path / "two/main.py").stat().st_mtime


def test_the_variables_of_a_hook_name_no_other_repository(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = tree(repository, "v1")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert tree(repository, "v1") == wanted


@pytest.mark.parametrize(
    ("revision", "folder", "at", "what", "fix"),
    [
        ("mian", "app", ".", "there is no revision mian", "did you mean main?"),
        ("release", "app", ".", "there is no revision release", "write a tag, a branch or a commit"),
        ("v1", "apps", ".", "the folder apps is not in revision v1", "correct `folder`"),
        ("v1", "app/main.py", ".", "the folder app/main.py is not in revision v1", "correct `folder`"),
        ("v1", "app", "nowhere", "the repository is not there", "correct `git`"),
        ("v1", "app", "..", "the repository cannot be read", "correct `git`"),
        ("v1", "app", "https://git.test/shop", "the repository is not there", "correct `git`"),
    ],
)
def test_mistakes_are_told(repository: Repository, revision: str, folder: str, at: str, what: str, fix: str) -> None:
    finding = refused(repository, revision, folder, at)
    assert finding.what == what
    assert finding.fix.startswith(fix)


def test_git_itself_may_be_missing(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    finding = refused(repository, "v1")
    assert (finding.why, finding.fix) == ("the program `git` is not here", "install the package git")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_somebody_else_is_not_trusted_without_a_word(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SUDO_UID", raising=False)
    for path in (repository.folder, repository.folder / ".git"):
        os.chown(path, 12345, 12345)
    finding = refused(repository, "v1")
    assert finding.why == "it belongs to somebody else, and git trusts only its owner's"
    assert "safe.directory" in finding.fix
