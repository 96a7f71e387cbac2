"""The box's own package sources, for Debian 13. No archive's address stands here: the box knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from outlast.machines.debian import SUITE

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
RELEASES = (
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
)
# Settings of apt that say what is installed and kept, not how an archive is reached.
NOT_REACH = ("Acquire::Languages", "Acquire::IndexTargets", "Acquire::Changelogs", "Acquire::CompressionTypes")
PASSWORDS = {"Dir::Etc::netrc": "/etc/apt/auth.conf", "Dir::Etc::netrcparts": "/etc/apt/auth.conf.d"}


@dataclass(frozen=True, slots=True)
class _Entry:
    """One archive: `signed_by` is empty when apt's own keyrings are meant."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str
    trusted: bool

    @property
    def release(self) -> str:
        return self.suite.partition("-")[0]

    @property
    def kind(self) -> str:
        return self.suite.removeprefix(self.release)

    @property
    def is_debian(self) -> bool:
        """Whether it has the shape of Debian's archive; vendors' archives may have it too."""
        wanted = self.release in RELEASES and self.kind in ("", "-updates", "-security")
        return wanted and "main" in self.components and not self.uri.startswith("cdrom:")

    @property
    def is_official(self) -> bool:
        """Whether Debian's own keys are meant to sign it."""
        return "debian-archive" in self.signed_by or (not self.signed_by and "debian" in self.uri)

    @property
    def line(self) -> str:
        """The same archive with Debian 13, as mmdebstrap takes it."""
        keyring = self.signed_by if self.signed_by.startswith("/") else KEYRING
        options = f"signed-by={keyring}{' trusted=yes' if self.trusted else ''}"
        return f"deb [{options}] {self.uri} {SUITE}{self.kind} main"


def debian_sources(root: Path = Path("/")) -> list[str]:
    """Lines for mmdebstrap; empty on a box that is not Debian, where mmdebstrap's own default serves."""
    if "ID=debian" not in (root / "etc/os-release").read_text().splitlines():
        return []
    entries = [entry for entry in _entries(root / "etc/apt") if entry.is_debian]
    # A mirror that is signed anew by its owner counts only where nothing else does: vendors look like it.
    chosen = [entry for entry in entries if entry.is_official] or [entry for entry in entries if "debian" in entry.uri]
    return list(dict.fromkeys(entry.line for entry in chosen))


def reach(dump: str, root: Path = Path("/")) -> str:
    """Those settings in the output of `apt-config dump` by which the box reaches archives: proxies, certificates."""
    lines = [line for line in dump.splitlines() if line.startswith("Acquire::") and not line.startswith(NOT_REACH)]
    lines += [f'{name} "{path}";' for name, path in PASSWORDS.items() if (root / path.lstrip("/")).exists()]
    return "\n".join(lines) + "\n"


def _entries(folder: Path) -> Iterator[_Entry]:
    for path in sorted(folder.glob("sources.list.d/*.sources")):
        for stanza in re.split(r"\n\s*\n", path.read_text()):
            yield from _of_stanza(stanza)
    for path in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        for line in path.read_text().splitlines() if path.exists() else []:
            yield from _of_line(line)


def _of_stanza(stanza: str) -> Iterator[_Entry]:
    """The deb822 style of sources.list(5)."""
    fields = dict(_field(line) for line in stanza.splitlines() if ":" in line and line[:1] not in "# \t")
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false", "0"):
        return
    # A key may stand in the file itself, on lines of its own.
    signed_by = fields.get("signed-by", "") or ("inline" if "signed-by" in fields else "")
    for uri in fields.get("uris", "").split():
        for suite in fields.get("suites", "").split():
            components = tuple(fields.get("components", "").split())
            yield _Entry(uri, suite, components, signed_by, fields.get("trusted", "").lower() == "yes")


def _of_line(line: str) -> Iterator[_Entry]:
    """The one-line style of sources.list(5)."""
    found = re.match(r"deb\s+(?:\[([^]]*)\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line.strip())
    if found:
        words: list[str] = (found[1] or "").split()
        options = {word.partition("=")[0]: word.partition("=")[2] for word in words}
        trusted = options.get("trusted", "").lower() == "yes"
        yield _Entry(found[2], found[3], tuple(found[4].split()), options.get("signed-by", ""), trusted)


def _field(line: str) -> tuple[str, str]:
    key, _, value = line.partition(":")
    return key.strip().lower(), value.strip()
