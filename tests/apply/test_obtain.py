"""The owner's secrets are found where the file says, and what cannot be found is told without any part of a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from outlast.apply.obtain import obtain
from outlast.kernel.errors import Finding, Invalid
from outlast.site.secrets import SecretSource

VALUE = "hunter2-marker"


def refused(home: Path, environment: dict[str, str] | None = None, **sources: SecretSource) -> tuple[Finding, ...]:
    with pytest.raises(Invalid) as error:
        obtain(sources, home, environment or {})
    assert VALUE not in str([(f.where, f.what, f.why, f.fix, f.evidence) for f in error.value.findings])
    return error.value.findings


def test_a_value_comes_from_a_file_a_variable_or_a_command(tmp_path: Path) -> None:
    (tmp_path / "word").write_text("from a file\n")
    sources = {
        "one": SecretSource(file="word"),
        "two": SecretSource(env="TWO"),
        "three": SecretSource(command="echo $TWO-$(cat word)"),
        "lines": SecretSource(command="printf 'a\\n\\tb\\n\\n'"),
    }
    found = obtain(sources, tmp_path, {"TWO": "variable", "PATH": "/usr/bin:/bin"})
    assert found == {"one": "from a file", "two": "variable", "three": "variable-from a file", "lines": "a\n\tb"}


def test_all_that_cannot_be_found_is_told_at_once(tmp_path: Path) -> None:
    findings = refused(
        tmp_path,
        {"PATH": "/usr/bin:/bin", "EMPTY": "", "CARRIED": f"{VALUE}\r\nmore"},
        gone=SecretSource(file="nowhere"),
        unset=SecretSource(env="UNSET"),
        empty=SecretSource(env="EMPTY"),
        failing=SecretSource(command=f"echo {VALUE}; echo first >&2; echo last word >&2; exit 7"),
        mute=SecretSource(command="exit 3"),
        carried=SecretSource(env="CARRIED"),
        bytes=SecretSource(command="printf '\\377'"),
        large=SecretSource(command="head -c 200000 /dev/zero | tr '\\0' x"),
    )
    told = {finding.where: f"{finding.what}; {finding.why}" for finding in findings}
    assert told == {
        "secrets.gone.file": f"secret gone: its file does not exist; {tmp_path}/nowhere",
        "secrets.unset.env": "secret unset: the variable UNSET is not set; the environment of this command does not"
        " have it; `sudo` drops most variables unless told otherwise",
        "secrets.empty.env": "secret empty: its value is empty; EMPTY holds nothing",
        "secrets.failing.command": "secret failing: its command ended with 7; last word",
        "secrets.mute.command": "secret mute: its command ended with 3; it said nothing on standard error",
        "secrets.carried.env": "secret carried: its value is not plain text; it has the control character 0x0d, and an"
        " environment variable holds text, tabs and line ends",
        "secrets.bytes.command": "secret bytes: its value is not text; an environment variable holds UTF-8 text",
        "secrets.large.command": "secret large: its value has 200000 bytes; an environment variable may have 100000"
        " bytes",
    }
    assert all(finding.fix for finding in findings)
