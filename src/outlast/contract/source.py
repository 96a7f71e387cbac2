"""What a release is made from, as the owner names it: values only, and no look at what is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder as it is now; relative to the site file."""

    path: str


@dataclass(frozen=True, slots=True)
class Git:
    """A `folder` of a revision (a tag, a branch, a commit) in a repository on this computer. `repository` is relative
    to the site file and may be a folder within it, and `folder` is seen from there."""

    repository: str
    revision: str
    folder: str


@dataclass(frozen=True, slots=True)
class Archive:
    """A `folder` in a tar file, compressed or not, or in a zip file; `path` is relative to the site file."""

    path: str
    folder: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image of a container, as `podman save` writes it to one file; `path` is relative to the site file. Its release
    holds it as `IMAGE_FILE`."""

    path: str


IMAGE_FILE = "image.tar"
Source: TypeAlias = Folder | Git | Archive | Image

OWN = Folder("")
"""Outlast itself, as it is installed where the site is made."""
