"""What a build is given so that it reaches what the box reaches, found in files and variables."""

from __future__ import annotations

import subprocess
from pathlib import Path

from outlast.machines.nspawn.trust import Trust, find

PIP = """
[global]
cert = /srv/authority.pem
find-links = /srv/wheels
index-url = https://packages.invalid/simple
extra-index-url = file:///srv/index/simple  file:///srv/absent/simple
"""


def box(root: Path) -> Path:
    for folder in ("etc/ssl/certs", "srv/index/simple", "srv/wheels", "root/.config/pip", "simple", "srv/more"):
        (root / folder).mkdir(parents=True)
    (root / "etc/pip.conf").write_text(PIP)
    (root / "srv/authority.pem").write_text("")
    (root / "root/.config/pip/pip.conf").write_text("[global]\nfind-links = /srv/more\n")
    return root


def test_settings_and_what_they_name_are_found_without_any_variable(tmp_path: Path) -> None:
    root = box(tmp_path)
    trust = find({}, root / "root", root)
    assert trust.files == {
        root / "etc/pip.conf": Path("/etc/pip.conf"),
        root / "root/.config/pip/pip.conf": Path("/root/.config/pip/pip.conf"),
        root / "etc/ssl/certs": Path("/etc/ssl/certs"),
    }
    # The folder above the index, because the files that it points to lie beside it; nothing of an address.
    named = {"/srv/authority.pem", "/srv/wheels", "/srv/index", "/srv/more"}
    assert {str(inside) for inside in trust.named.values()} == named


def test_variables_that_say_how_to_reach_registries_and_no_others(tmp_path: Path) -> None:
    given = {
        "PIP_INDEX_URL": "https://user:word@packages.invalid/simple",
        "SSL_CERT_FILE": "/srv/authority.pem",
        "https_proxy": "http://proxy.invalid:3128",
        "npm_config_registry": "https://packages.invalid/npm",
        "PIP_TARGET": "/srv",
        "PIP_CACHE_DIR": "/srv/wheels",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "PATH": "/bin",
    }
    root = tmp_path
    (root / "srv/wheels").mkdir(parents=True)
    (root / "srv/authority.pem").write_text("")
    trust = find(given, root / "root", root)
    assert set(trust.variables) == {"PIP_INDEX_URL", "SSL_CERT_FILE", "https_proxy", "npm_config_registry"}
    assert trust.named == {root / "srv/authority.pem": Path("/srv/authority.pem")}


def test_values_come_through_the_shell_as_they_are() -> None:
    text = Trust({}, {}, {"PIP_INDEX_URL": "from the box"}).exports(
        [("MOTTO", "it's $HOME;\n`x`"), ("PIP_INDEX_URL", "own")]
    )
    script = text + 'printf "%s|%s|%s" "$MOTTO" "$PIP_INDEX_URL" "$HOME"'
    done = subprocess.run(["sh", "-e", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "it's $HOME;\n`x`|own|/root"
