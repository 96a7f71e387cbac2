"""The box's package sources, read from apt's own files in both of their forms."""

from __future__ import annotations

from pathlib import Path

from outlast.machines.nspawn.sources import debian_sources, reach

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


VENDORS = """
Types: deb
URIs: https://vendor.invalid/linux/debian
Suites: bookworm
Components: stable
Signed-By: /etc/apt/keyrings/vendor.gpg

Types: deb
URIs: https://another.invalid/debian
Suites: bookworm
Components: main
Signed-By: /etc/apt/keyrings/another.gpg

Types: deb
URIs: http://old.invalid/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb
URIs: mirror+file:/etc/apt/mirrors/list
Suites: stable stable-updates
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
RESIGNED = """
deb cdrom:[Debian GNU/Linux 12]/ bookworm main
deb [ signed-by=/etc/apt/keyrings/owner.gpg trusted=yes ] https://mirror.invalid/debian stable main # ours
"""


def test_vendors_that_look_like_debian_are_left_out(tmp_path: Path) -> None:
    lines = debian_sources(box(tmp_path, "debian", {"sources.list.d/debian.sources": VENDORS}))
    assert places(lines) == [
        ("mirror+file:/etc/apt/mirrors/list", "trixie"),
        ("mirror+file:/etc/apt/mirrors/list", "trixie-updates"),
    ]


def test_a_mirror_signed_by_its_owner_keeps_the_owners_key(tmp_path: Path) -> None:
    lines = debian_sources(box(tmp_path, "debian", {"sources.list": RESIGNED}))
    assert lines == [
        "deb [signed-by=/etc/apt/keyrings/owner.gpg trusted=yes] https://mirror.invalid/debian trixie main"
    ]


def test_the_way_to_the_archive_is_passed_on_and_nothing_else(tmp_path: Path) -> None:
    dump = """APT::Install-Recommends "1";
Acquire::http::Proxy "http://proxy.invalid:3142";
Acquire::https::CAInfo "/srv/authority.pem";
Acquire::Check-Valid-Until "false";
Acquire::Languages:: "none";
Acquire::IndexTargets::deb::DEP-11 "";
Dir::Etc "etc/apt";
"""
    (tmp_path / "etc/apt/auth.conf.d").mkdir(parents=True)
    assert reach(dump, tmp_path).splitlines() == [
        'Acquire::http::Proxy "http://proxy.invalid:3142";',
        'Acquire::https::CAInfo "/srv/authority.pem";',
        'Acquire::Check-Valid-Until "false";',
        'Dir::Etc::netrcparts "/etc/apt/auth.conf.d";',
    ]
