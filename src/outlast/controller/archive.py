"""Unpacks archives, of whom nobody knows what they hold: nothing is ever written outside the folder they are given.

Not by tarfile's own filter, which the Python of Debian 12 does not have, and which zip files never had.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import dropwhile
from lzma import LZMAError
from pathlib import Path
from typing import IO

from outlast.kernel.errors import Finding, OutlastError

MOST_ENTRIES = 200_000
MOST_BYTES = 4 * 1024**3
# Of every file, so that builds which write down times make the same of the same. Zip knows none before 1980.
TIME = 1_000_000_000
BROKEN = (tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing in an archive. `read` opens a file; `link` is where a symbolic link points; a folder has neither."""

    name: str
    size: int = 0
    executable: bool = False
    read: Callable[[], AbstractContextManager[IO[bytes]]] | None = None
    link: str = ""
    strange: str = ""


def unpack(archive: Path, folder: str, target: Path, where: str) -> None:
    """Put what `folder` of the archive holds into `target`, a new folder. `where` is what findings call the archive.

    Raises `OutlastError` for an archive that cannot be read, or that holds what has no place in a source.
    """
    wanted = posixpath.normpath(folder)
    links: dict[Path, str] = {}
    found, tops = False, set[str]()
    target.mkdir(parents=True)
    try:
        for entry in _limited(archive, where):
            path = _named(entry, where)
            tops |= {path.partition("/")[0]} - {"."}
            inner = posixpath.relpath(path, wanted)
            if _is_outside(inner):
                continue
            found = True
            _check(entry, inner, where)
            _put(entry, target / inner, links)
        # Last, so that nothing was ever written through one.
        for place, link in links.items():
            place.symlink_to(link)
    except BROKEN as error:
        raise OutlastError(_refused(where, "the archive cannot be read", str(error) or "it is damaged")) from None
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        why = f"{Path(str(error.filename)).name} is there as two different things"
        raise OutlastError(_refused(where, "the archive contradicts itself", why)) from None
    if not found:
        holds = ", ".join(sorted(tops)[:8]) or "nothing"
        what, why = f"the folder {folder} is not in the archive", f"at its top it has {holds}"
        raise OutlastError(Finding(where, what, why, "correct `folder` in the site file"))


def _limited(archive: Path, where: str) -> Iterator[Entry]:
    total = 0
    for number, entry in enumerate(_entries(archive), 1):
        total += entry.size
        if number > MOST_ENTRIES or total > MOST_BYTES:
            limit = f"a source may have {MOST_ENTRIES} entries of {MOST_BYTES // 1024**3} GiB together"
            raise OutlastError(_refused(where, "the archive is too large", limit))
        yield entry


def _entries(archive: Path) -> Iterator[Entry]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            yield from (_of_zip(packed, info) for info in packed.infolist())
    else:
        with tarfile.open(archive) as packed:
            yield from (_of_tar(packed, info) for info in packed)


def _of_tar(packed: tarfile.TarFile, info: tarfile.TarInfo) -> Entry:
    if info.isdir():
        return Entry(info.name)
    if info.issym():
        return Entry(info.name, link=info.linkname)
    if not (info.isreg() or info.islnk()):
        return Entry(info.name, strange="a device, a pipe or the like")

    def read() -> IO[bytes]:
        opened = packed.extractfile(info)
        if opened is None:
            raise tarfile.ReadError(f"{info.name} refers to something that is not there")
        return opened

    return Entry(info.name, info.size, bool(info.mode & stat.S_IXUSR), read)


def _of_zip(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    mode = info.external_attr >> 16
    if info.is_dir():
        return Entry(info.filename)
    if stat.S_ISLNK(mode):
        return Entry(info.filename, link=packed.read(info).decode(errors="replace") if info.file_size < 4096 else "/")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return Entry(info.filename, strange="a device, a pipe or the like")
    return Entry(info.filename, info.file_size, bool(mode & stat.S_IXUSR), lambda: packed.open(info))


def _named(entry: Entry, where: str) -> str:
    """The entry's path, seen from the archive's top. Raises `OutlastError` when it is outside."""
    path = posixpath.normpath(entry.name)
    if entry.name.startswith("/") or _is_outside(path) or "\\" in entry.name or "\0" in entry.name:
        raise OutlastError(_refused(where, f"the archive holds {entry.name[:80]!r}", "that lies outside of it"))
    return path


def _check(entry: Entry, path: str, where: str) -> None:
    """Raises `OutlastError` for what is no file, folder or link within. A way up must come first in a link: behind the
    name of another link it would lead elsewhere than it seems."""
    link, why = entry.link, f"it is {entry.strange}" if entry.strange else ""
    if link:
        points = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
        winds = ".." in dropwhile(lambda part: part in ("", ".", ".."), link.split("/"))
        if link.startswith("/") or _is_outside(points) or winds:
            why = f"it points to {link[:80]!r}, outside of the source"
    if why:
        raise OutlastError(_refused(where, f"the archive holds {entry.name[:80]!r}", why))


def _is_outside(path: str) -> bool:
    return path == ".." or path.startswith("../")


def _put(entry: Entry, place: Path, links: dict[Path, str]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if entry.link:
        links[place] = entry.link
    elif entry.read is None:
        place.mkdir(exist_ok=True)
    else:
        with entry.read() as source, place.open("xb") as file:
            shutil.copyfileobj(source, file)
        place.chmod(0o755 if entry.executable else 0o644)
        os.utime(place, (TIME, TIME))


def _refused(where: str, what: str, why: str) -> Finding:
    return Finding(where, what, why, "pack the source anew, and see that it holds the source's own files only")
