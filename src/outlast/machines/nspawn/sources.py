"""The box's own package sources, for Debian 13. No archive's address stands here: the box knows them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

SUITE = "trixie"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def debian_sources(root: Path = Path("/")) -> list[str]:
    """Lines for mmdebstrap; empty on a box that is not Debian, where mmdebstrap's own default serves."""
    if "ID=debian" not in (root / "etc/os-release").read_text().splitlines():
        return []
    lines: list[str] = []
    for uri, suites in _entries(root / "etc/apt"):
        for suite in suites:
            kind = next((k for k in ("-security", "-updates", "-backports") if suite.endswith(k)), "")
            if kind != "-backports":
                lines.append(f"deb [signed-by={KEYRING}] {uri} {SUITE}{kind} main")
    return list(dict.fromkeys(lines))


def _entries(folder: Path) -> Iterator[tuple[str, list[str]]]:
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        for stanza in path.read_text().split("\n\n"):
            fields = dict(_field(line) for line in stanza.splitlines() if ":" in line and line[:1] not in "# ")
            if "deb" in fields.get("types", "").split() and "debian" in fields.get("uris", ""):
                for uri in fields["uris"].split():
                    yield uri, fields.get("suites", "").split()
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            words = [word for word in line.split() if not word.startswith(("[", "signed-by", "arch="))]
            if len(words) >= 3 and words[0] == "deb" and "debian" in words[1]:
                yield words[1], [words[2]]


def _field(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip().lower(), value.strip()
