"""Revisions of a repository on this computer, through the `git` program. Changes nothing in the repository."""

from __future__ import annotations

import os
import posixpath
import shutil
import subprocess
import tempfile
from difflib import get_close_matches
from pathlib import Path

from outlast.contract.source import Git
from outlast.controller.archive import unpack
from outlast.kernel.errors import Finding, OutlastError

LIMIT = 60.0
# A checkout's line ends and rights depend on whose configuration it is; a release must not.
SAME_FOR_ALL = ("-c", "core.autocrlf=false", "-c", "core.eol=lf", "-c", "tar.umask=0022")

ELSEWHERE = {
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
}


def tree_of(source: Git, home: Path) -> str:
    """The name that git gives the content of the folder: equal for equal files, whatever revision has them.

    Raises `OutlastError` with one finding when there is no such thing.
    """
    repository = home / source.repository
    if shutil.which("git") is None:
        why, fix = "the program `git` is not here", "install the package git"
        raise OutlastError(Finding(str(repository), "the revision cannot be read", why, fix))
    if not repository.is_dir():
        why = "there is no such folder; a repository elsewhere must be cloned first"
        fix = "correct `git` (it is relative to the site file), or run `git clone`"
        raise OutlastError(Finding(str(repository), "the repository is not there", why, fix))
    prefix = _git(repository, "rev-parse", "--show-prefix")
    if prefix.returncode != 0:
        raise OutlastError(_unreadable(repository, _said(prefix)))
    commit = _git(repository, "rev-parse", "--verify", "--quiet", f"{source.revision}^{{commit}}")
    if commit.returncode != 0:
        raise OutlastError(_no_revision(repository, source.revision))
    folder = posixpath.normpath(posixpath.join(_said(prefix), source.folder)).removeprefix("./")
    at = f"{_said(commit)}:{'' if folder == '.' else folder}"
    tree = _git(repository, "rev-parse", "--verify", "--quiet", at)
    kind = _git(repository, "cat-file", "-t", _said(tree)) if tree.returncode == 0 else tree
    if _said(kind) != "tree":
        raise OutlastError(_no_folder(repository, source, file=kind.returncode == 0))
    return _said(tree)


def check_out(tree: str, repository: Path, target: Path) -> None:
    """Put the files of a tree into `target`, a new folder. Raises `OutlastError`."""
    with tempfile.TemporaryDirectory() as temporary:
        packed = Path(temporary, "tree.tar")
        # Of the tree and not of its commit, which `export-subst` would write into the files.
        done = _git(repository, *SAME_FOR_ALL, "archive", "--format=tar", f"--output={packed}", tree)
        if done.returncode != 0:
            raise OutlastError(_unreadable(repository, done.stderr.strip()))
        unpack(packed, ".", target, str(repository))


def _git(repository: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    command = ["git", "-C", str(repository), *argv]
    # Within a hook of git they would name the hook's repository; messages are read here, so they are in English.
    environment = {name: value for name, value in os.environ.items() if name not in ELSEWHERE} | {"LC_ALL": "C"}
    try:
        return subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=LIMIT, check=False, env=environment
        )
    except subprocess.TimeoutExpired:
        raise OutlastError(_unreadable(repository, f"git gave no answer within {LIMIT:g} s")) from None


def _said(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout if done.returncode == 0 else done.stderr).strip()


def _unreadable(repository: Path, why: str) -> Finding:
    fix = "correct `git`: a folder of a repository, relative to the site file"
    if "dubious ownership" in why:
        why = "it belongs to somebody else, and git trusts only its owner's"
        fix = f"run `git config --global --add safe.directory {repository.resolve()}` as the user who runs outlast"
    lines = why.splitlines() or ["git failed"]
    return Finding(str(repository), "the repository cannot be read", lines[0], fix, evidence=tuple(lines[1:]))


def _no_revision(repository: Path, revision: str) -> Finding:
    known = _said(_git(repository, "for-each-ref", "--format=%(refname:short)")).split()
    near = get_close_matches(revision, known, n=1)
    fix = (
        f"did you mean {near[0]}?" if near else "write a tag, a branch or a commit that `git log` shows; fetch it first"
    )
    return Finding(str(repository), f"there is no revision {revision}", "the repository does not know it", fix)


def _no_folder(repository: Path, source: Git, *, file: bool) -> Finding:
    what = f"the folder {source.folder} is not in revision {source.revision}"
    why = "a file stands in its place" if file else "nothing of that name was committed there"
    fix = f"correct `folder` (it is seen from {source.repository}), or commit it"
    return Finding(str(repository), what, why, fix)
