"""What lets a build reach the registries that this box reaches: authorities, settings of package tools, their folders.

It is found in files first and in variables second, because `sudo` drops most variables.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

# Those that say how registries are reached, and none that say where tools write.
VARIABLES = re.compile(
    r"^(PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|CERT|CLIENT_CERT|TRUSTED_HOST|PROXY|DEFAULT_TIMEOUT|TIMEOUT"
    r"|RETRIES|DISABLE_PIP_VERSION_CHECK)|UV_(INDEX|DEFAULT_INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NATIVE_TLS)"
    r"|(NPM_CONFIG|npm_config)_(registry|cafile|proxy|https_proxy|noproxy|strict_ssl)"
    r"|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE|NODE_EXTRA_CA_CERTS"
    r"|(HTTP|HTTPS|NO|ALL)_PROXY|(http|https|no|all)_proxy)$"
)
# Of the box, and where the build looks for them.
SETTINGS = {
    "/etc/pip.conf": "/etc/pip.conf",
    "~/.pip/pip.conf": "/root/.pip/pip.conf",
    "~/.config/pip/pip.conf": "/root/.config/pip/pip.conf",
    "/etc/npmrc": "/etc/npmrc",
    "~/.npmrc": "/root/.npmrc",
}
AUTHORITIES = ("/etc/ssl/certs", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates")
NAMED_PATH = re.compile(r"(?<![\w:/.~])(?:file://)?(/[^\s'\",=]+)")


@dataclass(frozen=True, slots=True)
class Trust:
    """`files` of the box with their places in the machine, others that those `named`, and `variables` of the box."""

    files: dict[Path, Path]
    named: dict[Path, Path]
    variables: dict[str, str]

    def exports(self, more: Iterable[tuple[str, str]]) -> str:
        """Shell text that sets the variables; those in `more` win."""
        values = {**self.variables, "HOME": "/root", "LANG": "C.UTF-8", **dict(more)}
        return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def of_this_box() -> Trust:
    """What this box has, as it is now."""
    return find(os.environ, Path.home())


def find(environment: Mapping[str, str], home: Path, box: Path = Path("/")) -> Trust:
    """The same for a box whose root folder is `box`."""
    variables = {name: value for name, value in environment.items() if VARIABLES.match(name)}
    settings = {_at(box, home, path): Path(inside) for path, inside in SETTINGS.items()}
    files = {path: inside for path, inside in settings.items() if path.is_file()}
    texts = [*variables.values(), *(path.read_text(errors="replace") for path in files)]
    files |= {path: Path(name) for name in AUTHORITIES if (path := box / name.lstrip("/")).is_dir()}
    paths = {_shared(box / name.lstrip("/")) for text in texts for name in NAMED_PATH.findall(text)}
    named = {path: Path("/", path.relative_to(box)) for path in sorted(paths) if path.exists()}
    return Trust(files, named, variables)


def _at(box: Path, home: Path, path: str) -> Path:
    return home / path.removeprefix("~/") if path.startswith("~/") else box / path.lstrip("/")


def _shared(path: Path) -> Path:
    """The folder above a `simple` index holds the files that the index points to."""
    return path.parent if path.name == "simple" else path
