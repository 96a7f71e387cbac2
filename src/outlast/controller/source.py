"""From a source to its release: a digest of everything that goes into it, and the order to build it.

The source is an app's folder, or Outlast's own package, from which controllers get the very version that made the site.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import outlast
from outlast.contract.bundle import Artifact
from outlast.contract.component import OWN, Recipe
from outlast.contract.registry import Registry
from outlast.controller.store import Store
from outlast.kernel.errors import Finding
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
    """Services whose source folder is not there or cannot be read, with the finding for each."""
    found: dict[str, Finding] = {}
    for wish in site.wishes:
        build = registry[wish.component].builds
        if build and not (source := _source(build(wish.options), home)).is_dir():
            found[wish.name] = Finding(
                where=str(source),
                what=f"the source folder of {wish.name} is not there",
                why="a file stands in its place" if source.exists() else "no folder of that name exists",
                fix="correct `source` (it is relative to the site file) or make the folder",
            )
    return found


def _release(name: str, recipe: Recipe, packages: tuple[str, ...], home: Path, store: Store) -> Release:
    source = _source(recipe, home)
    digest = _digest(source, recipe, packages)
    path = f"{RELEASES}/{name}/{digest}"
    target, everywhere = store.release(name, digest), recipe.source == OWN
    order = BuildOrder(name, source, path, recipe.script, recipe.environment, target, everywhere=everywhere)
    return Release(Artifact(name, digest, path), order)


def _source(recipe: Recipe, home: Path) -> Path:
    return Path(outlast.__file__).parent if recipe.source == OWN else home / recipe.source


def _digest(source: Path, recipe: Recipe, packages: tuple[str, ...]) -> str:
    total = hashlib.sha256(repr((recipe.script, recipe.environment, packages, platform.machine())).encode())
    for path in _files(source):
        executable = bool(path.stat().st_mode & 0o100)
        total.update(repr((str(path.relative_to(source)), executable)).encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:DIGEST_LENGTH]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in LEFT_OUT:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file():
            yield path
