"""The box's package sources, read from apt's own files in both of their forms."""

from __future__ import annotations

from pathlib import Path

from outlast.machines.nspawn.sources import debian_sources

DEB822 = """
Types: deb
# a comment with http://elsewhere.invalid/debian in it
URIs: http://mirror.invalid/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main

Types: deb deb-src
URIs: http://mirror.invalid/debian-security
Suites: bookworm-security
Components: main
"""
ONE_LINE = """
# deb http://commented.invalid/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://mirror.invalid/debian bookworm main contrib
deb http://vendor.invalid/apt stable main
"""


def box(root: Path, name: str, files: dict[str, str]) -> Path:
    (root / "etc/apt/sources.list.d").mkdir(parents=True)
    (root / "etc/os-release").write_text(f"ID={name}\n")
    for path, text in files.items():
        (root / "etc/apt" / path).write_text(text)
    return root


def places(lines: list[str]) -> list[tuple[str, str]]:
    return [(line.split()[-3], line.split()[-2]) for line in lines]


def test_deb822_sources_name_the_same_archive_with_the_new_suite(tmp_path: Path) -> None:
    lines = debian_sources(box(tmp_path, "debian", {"sources.list.d/debian.sources": DEB822}))
    assert places(lines) == [
        ("http://mirror.invalid/debian", "trixie"),
        ("http://mirror.invalid/debian", "trixie-updates"),
        ("http://mirror.invalid/debian-security", "trixie-security"),
    ]


def test_one_line_sources_without_foreign_archives(tmp_path: Path) -> None:
    lines = debian_sources(box(tmp_path, "debian", {"sources.list": ONE_LINE}))
    assert places(lines) == [("http://mirror.invalid/debian", "trixie")]


def test_another_distribution_leaves_it_to_the_default(tmp_path: Path) -> None:
    assert debian_sources(box(tmp_path, "ubuntu", {"sources.list": ONE_LINE})) == []
