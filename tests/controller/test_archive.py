"""Archives from nobody knows where: what a source may hold comes out the same each time, all else is refused."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from outlast.controller.archive import MOST_BYTES, TIME, unpack
from outlast.kernel.errors import Finding, OutlastError

Change = Callable[[tarfile.TarInfo], None]


def tar(path: Path, *entries: tuple[str, bytes | str, Change | None]) -> Path:
    """A tar file; content that is text makes a symbolic link."""
    with tarfile.open(path, "w:gz") as packed:
        for name, content, change in entries:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
            else:
                info.size = len(content)
            if change:
                change(info)
            packed.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return path


def executable(info: tarfile.TarInfo) -> None:
    info.mode = 0o4775


def fifo(info: tarfile.TarInfo) -> None:
    info.type = tarfile.FIFOTYPE


def refused(archive: Path, target: Path, folder: str = ".") -> Finding:
    with pytest.raises(OutlastError) as caught:
        unpack(archive, folder, target, "app.tar.gz")
    (finding,) = caught.value.findings
    assert finding.where == "app.tar.gz"
    return finding


def test_files_folders_rights_and_links_come_out(tmp_path: Path) -> None:
    archive = tar(
        tmp_path / "a.tar.gz",
        ("./app/", b"", lambda info: setattr(info, "type", tarfile.DIRTYPE)),
        ("./app/main.py", b"serve\n", None),
        ("app/bin/run", b"#!/bin/sh\n", executable),
        ("app/bin/again", "../main.py", None),
    )
    unpack(archive, ".", tmp_path / "out", "a")
    app = tmp_path / "out" / "app"
    assert (app / "main.py").read_text() == (app / "bin/again").read_text() == "serve\n"
    assert {path.name: path.stat().st_mode & 0o7777 for path in (app / "bin/run", app / "main.py")} == {
        "run": 0o755,
        "main.py": 0o644,
    }
    assert (app / "main.py").stat().st_mtime == TIME
    unpack(archive, "app/bin/..", tmp_path / "inner", "a")
    assert sorted(path.name for path in (tmp_path / "inner").iterdir()) == ["bin", "main.py"]


def test_a_zip_file_comes_out_the_same(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("app/main.py", "serve\n")
        info = zipfile.ZipInfo("app/run")
        info.external_attr = 0o755 << 16
        packed.writestr(info, "#!/bin/sh\n")
        link = zipfile.ZipInfo("app/again")
        link.external_attr = 0o120777 << 16
        packed.writestr(link, "main.py")
    unpack(tmp_path / "a.zip", "app", tmp_path / "out", "a")
    assert (tmp_path / "out/again").read_text() == "serve\n"
    assert (tmp_path / "out/again").is_symlink()
    assert (tmp_path / "out/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/main.py").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("name", ["/etc/evil", "../evil", "app/../../evil", "app\\..\\evil"])
def test_nothing_is_written_outside(tmp_path: Path, name: str) -> None:
    deep = tmp_path / "deep"
    deep.mkdir()
    finding = refused(tar(deep / "a.tar.gz", (name, b"evil", None)), deep / "out")
    assert finding.why == "that lies outside of it"
    with zipfile.ZipFile(deep / "a.zip", "w") as packed:
        packed.writestr(zipfile.ZipInfo(name), "evil")
    assert refused(deep / "a.zip", deep / "out2").why == "that lies outside of it"
    assert [path.name for path in tmp_path.iterdir()] == ["deep"]


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("app/a", "/etc/passwd"),
        ("app/a", "../../x"),
        ("a", "b/../../x"),
        ("app/a", "b/.."),
        ("app/a", "./b/../c/../.."),
    ],
)
def test_no_link_leads_outside(tmp_path: Path, name: str, link: str) -> None:
    finding = refused(tar(tmp_path / "a.tar.gz", (name, link, None)), tmp_path / "out")
    assert finding.why == f"it points to {link!r}, outside of the source"


def test_a_link_may_not_leave_the_folder_that_is_meant(tmp_path: Path) -> None:
    archive = tar(tmp_path / "a.tar.gz", ("lib/x", b"", None), ("app/x", "../lib/x", None))
    unpack(archive, ".", tmp_path / "all", "a")
    assert "outside of the source" in refused(archive, tmp_path / "out", "app").why


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    archive = tar(tmp_path / "a.tar.gz", ("app/d", "e", None), ("app/d/x", b"evil", None))
    assert refused(archive, tmp_path / "out").what == "the archive contradicts itself"
    assert refused(tar(tmp_path / "b.tar.gz", ("a", b"", None), ("a/b", b"", None)), tmp_path / "o").why.endswith(
        "two different things"
    )


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    finding = refused(tar(tmp_path / "a.tar.gz", ("app/pipe", b"", fifo)), tmp_path / "out")
    assert finding.why == "it is a device, a pipe or the like"


def test_what_is_too_large_is_refused_before_it_is_there(tmp_path: Path) -> None:
    info = tarfile.TarInfo("app/huge")
    info.size = MOST_BYTES + 1
    (tmp_path / "a.tar").write_bytes(info.tobuf())
    finding = refused(tmp_path / "a.tar", tmp_path / "out")
    assert finding.what == "the archive is too large"
    assert list((tmp_path / "out").iterdir()) == []


def test_damage_and_a_folder_that_is_not_there_are_told(tmp_path: Path) -> None:
    whole = tar(tmp_path / "a.tar.gz", ("app-1.2/main.py", os.urandom(4000), None))
    (tmp_path / "half.tar.gz").write_bytes(whole.read_bytes()[:2000])
    (tmp_path / "text.tar").write_text("hello")
    for name in ("half.tar.gz", "text.tar"):
        assert refused(tmp_path / name, tmp_path / f"{name}.out").what == "the archive cannot be read"
    finding = refused(whole, tmp_path / "out", "app")
    assert (finding.what, finding.why) == ("the folder app is not in the archive", "at its top it has app-1.2")
