"""From a source to its release: a digest of everything that goes into it, and the order to build it.

The source is an app's folder, a revision, an archive, or Outlast's own package, from which controllers get the very
version that made the site. Only content counts: two revisions with the same files are one release.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import outlast
from outlast.contract.bundle import Artifact
from outlast.contract.component import Recipe
from outlast.contract.registry import Registry
from outlast.contract.source import IMAGE_FILE, OWN, Archive, Folder, Git, Image, Source
from outlast.controller.archive import unpack
from outlast.controller.git import check_out, tree_of
from outlast.controller.store import Store
from outlast.kernel.errors import Finding, OutlastError
from outlast.machines.provider import LEFT_OUT, BuildOrder
from outlast.site.schema import Site

RELEASES = "/srv/outlast"
DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Release:
    """A release that is wanted: where it will stand on machines, and how it is built when it is not built yet."""

    artifact: Artifact
    order: BuildOrder


def releases(site: Site, registry: Registry, home: Path, store: Store) -> dict[str, Release]:
    """The wanted release of every service made from source, by service. `home` is the site file's folder."""
    found: dict[str, Release] = {}
    for wish in site.wishes:
        component = registry[wish.component]
        if component.builds is not None:
            recipe = component.builds(wish.options)
            packages = component.packages(wish.options)
            found[wish.name] = _release(wish.name, recipe, packages, home, store)
    return found


def handed(artifact: Artifact, store: Store) -> BuildOrder:
    """The order of a release that is built already: its tar file is in the site's folder."""
    tar = store.release(artifact.name, artifact.digest)
    return BuildOrder(artifact.name, store.folder, artifact.path, "false", (), tar)


def missing_sources(site: Site, registry: Registry, home: Path) -> dict[str, Finding]:
    """Services whose source is not there or cannot be read, with the finding for each."""
    found: dict[str, Finding] = {}
    for wish in site.wishes:
        builds = registry[wish.component].builds
        finding = _missing(wish.name, builds(wish.options).source, home) if builds else None
        if finding:
            found[wish.name] = finding
    return found


def _missing(name: str, source: Source, home: Path) -> Finding | None:
    match source:
        case Git():
            try:
                tree_of(source, home)
            except OutlastError as error:
                return error.findings[0]
        case Archive() | Image():
            path, kind = home / source.path, "archive" if isinstance(source, Archive) else "image"
            if not path.is_file():
                why = "a folder stands in its place" if path.exists() else "no file of that name exists"
                fix = f"correct `{kind}` (it is relative to the site file) or put the file there"
                return Finding(str(path), f"the source {kind} of {name} is not there", why, fix)
        case Folder():
            path = _folder(source, home)
            if not path.is_dir():
                why = "a file stands in its place" if path.exists() else "no folder of that name exists"
                fix = "correct `source` (it is relative to the site file) or make the folder"
                return Finding(str(path), f"the source folder of {name} is not there", why, fix)
    return None


def _release(name: str, recipe: Recipe, packages: tuple[str, ...], home: Path, store: Store) -> Release:
    source = recipe.source
    total = hashlib.sha256(repr((recipe.script, recipe.environment, packages, platform.machine())).encode())
    # What is no folder becomes one, for the time of its build only.
    place = store.folder / "sources" / name
    bring: Callable[[Path], None] | None = None
    match source:
        case Git():
            tree = tree_of(source, home)
            total.update(repr(("git", tree)).encode())
            bring = partial(check_out, tree, home / source.repository)
        case Archive():
            archive = home / source.path
            total.update(repr(("archive", source.folder, _bytes(archive))).encode())
            bring = partial(unpack, archive, source.folder, where=str(archive))
        case Image():
            total.update(repr(("image", _bytes(home / source.path))).encode())
            bring = partial(_put, home / source.path)
        case Folder():
            place = _folder(source, home)
            for path in _files(place):
                executable = bool(path.stat().st_mode & 0o100)
                total.update(repr((str(path.relative_to(place)), executable)).encode())
                total.update(hashlib.sha256(path.read_bytes()).digest())
    digest = total.hexdigest()[:DIGEST_LENGTH]
    path, target = f"{RELEASES}/{name}/{digest}", store.release(name, digest)
    order = BuildOrder(
        name, place, path, recipe.script, recipe.environment, target, everywhere=source == OWN, bring=bring
    )
    return Release(Artifact(name, digest, path), order)


def _put(image: Path, target: Path) -> None:
    target.mkdir(parents=True)
    shutil.copyfile(image, target / IMAGE_FILE)


def _folder(source: Folder, home: Path) -> Path:
    return Path(outlast.__file__).parent if source == OWN else home / source.path


def _bytes(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file():
            yield path
